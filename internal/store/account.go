package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/google/uuid"

	"kvasir/internal/account"
	"kvasir/internal/fault"
)

const selectCaller = `
SELECT p.organization_id, p.id FROM api_keys k JOIN projects p ON p.id = k.project_id WHERE k.hash = $1`

func scanCaller(rows *sql.Rows, c *account.Caller) error { return rows.Scan(&c.Organization, &c.Project) }

// FindKey returns whom the key with this hash speaks for, or a NotFound fault.
func (s *Store) FindKey(ctx context.Context, hash string) (account.Caller, error) {
	c, err := one(ctx, s.engine.Read, scanCaller, selectCaller, hash)
	if errors.Is(err, errNone) {
		err = fault.New(fault.NotFound, "API key not found")
	}
	return c, err
}

// EnsureProject makes sure that there are a default organization and project
// and a key for them. A given key replaces the one that an earlier start was
// given or has made; without one, a key is made if there is none. It returns the
// key if it is new.
func (s *Store) EnsureProject(ctx context.Context, given account.Key, now time.Time) (made account.Key, err error) {
	err = s.engine.Write(ctx, func(ctx context.Context, tx Tx) error {
		project, err := defaultProject(ctx, tx, now)
		if err != nil {
			return err
		}
		have, err := collect(ctx, tx.QueryContext, scanOne[string],
			`SELECT hash FROM api_keys WHERE project_id = $1 AND bootstrap`, project)
		if err != nil {
			return err
		}
		key := given
		if given.IsZero() {
			if len(have) > 0 {
				return nil
			}
			made = account.NewKey()
			key = made
		}
		if len(have) == 1 && have[0] == key.Hash() {
			return nil
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM api_keys WHERE project_id = $1 AND bootstrap`, project); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx,
			`INSERT INTO api_keys (hash, prefix, project_id, bootstrap, created_at) VALUES ($1, $2, $3, true, $4)`,
			key.Hash(), key.Prefix(), project, micros(now))
		return err
	})
	return made, err
}

// defaultProject returns the first project, and creates it if there is none.
func defaultProject(ctx context.Context, tx Tx, now time.Time) (account.ProjectID, error) {
	p, err := one(ctx, tx.QueryContext, scanOne[account.ProjectID],
		`SELECT id FROM projects ORDER BY created_at, id LIMIT 1`)
	if !errors.Is(err, errNone) {
		return p, err
	}
	organization := uuid.NewString()
	_, err = tx.ExecContext(ctx, `INSERT INTO organizations (id, name, created_at) VALUES ($1, 'Default', $2)`,
		organization, micros(now))
	if err != nil {
		return "", err
	}
	p = account.ProjectID(uuid.NewString())
	_, err = tx.ExecContext(ctx,
		`INSERT INTO projects (id, organization_id, name, created_at) VALUES ($1, $2, 'Default Project', $3)`,
		p, organization, micros(now))
	return p, err
}
