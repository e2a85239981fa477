package postgres_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"kvasir/internal/account"
	"kvasir/internal/store/postgres"
	"kvasir/internal/store/storetest"
	"kvasir/internal/testenv"
)

func TestStore(t *testing.T) {
	t.Parallel()
	cluster := testenv.Postgres(t)
	storetest.Run(t, func(t *testing.T) storetest.Database {
		url := cluster.Database(t)
		s, err := postgres.Open(t.Context(), url, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
		run := func(t *testing.T, statement string, args ...any) {
			t.Helper()
			c, err := pgx.Connect(t.Context(), url)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close(t.Context())
			if _, err := c.Exec(t.Context(), "SET search_path = kvasir"); err != nil {
				t.Fatal(err)
			}
			if _, err := c.Exec(t.Context(), statement, args...); err != nil {
				t.Fatal(err)
			}
		}
		insert := func(t *testing.T, organization string) account.ProjectID {
			t.Helper()
			id := uuid.Must(uuid.NewV7()).String()
			run(t, `
INSERT INTO projects (id, organization, name, bootstrap, created) SELECT $1, id, 'Further', false, 0 FROM organizations
WHERE id = $2 OR $2 = '' LIMIT 1`, id, organization)
			return account.ProjectID(id)
		}
		return storetest.Database{
			Store:      s,
			AddProject: func(t *testing.T) account.ProjectID { t.Helper(); return insert(t, "") },
			AddTenant: func(t *testing.T) account.ProjectID {
				t.Helper()
				organization := uuid.Must(uuid.NewV7()).String()
				run(t, `INSERT INTO organizations (id, name, created) VALUES ($1, 'Other', 0)`, organization)
				return insert(t, organization)
			},
		}
	})
}
