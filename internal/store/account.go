package store

import (
	"context"
	"time"

	"github.com/google/uuid"

	"kvasir/internal/account"
	"kvasir/internal/fault"
)

const (
	insertOrganization = `INSERT INTO organizations (id, name, created) VALUES ($1, 'Default', $2)`
	insertProject      = `
INSERT INTO projects (id, organization, name, bootstrap, created)
VALUES ($1, $2, 'Default Project', true, $3)`
	bootstrapProject = `SELECT id FROM projects WHERE bootstrap`
	dropBootstrapKey = `DELETE FROM api_keys WHERE bootstrap AND hash <> $1`
	insertKey        = `
INSERT INTO api_keys (hash, prefix, project, bootstrap, created) VALUES ($1, $2, $3, true, $4)
ON CONFLICT (hash) DO NOTHING`
	findKey = `
SELECT p.organization, p.id, k.prefix FROM api_keys k JOIN projects p ON p.id = k.project WHERE k.hash = $1`
	isDefault       = `SELECT count(*) FROM projects WHERE id = $1 AND bootstrap`
	hasBootstrapKey = `SELECT 1 FROM api_keys WHERE bootstrap LIMIT 1`
)

func scanCaller(r Rows) (c account.Caller, err error) {
	var organization, project string
	err = r.Scan(&organization, &project, &c.Key)
	c.Organization, c.Project = account.OrganizationID(organization), account.ProjectID(project)
	return c, err
}

// EnsureProject makes sure that there is a default project in a default
// organization, and a key for it. A given key replaces the one that an earlier
// start was given or has made; other keys stay valid. Without one, a key is
// made if that start left none. It returns the key that it made.
func (s *Store) EnsureProject(ctx context.Context, given account.Key, now time.Time) (made account.Key, err error) {
	if given.IsZero() {
		made = account.NewKey()
	}
	err = s.db.Write(ctx, func(tx Tx) error {
		project, err := ensureProject(ctx, tx, now)
		if err != nil {
			return err
		}
		key := given
		if given.IsZero() {
			_, has, err := find(ctx, tx, scanInt, hasBootstrapKey)
			if has || err != nil {
				made = account.Key{}
				return err
			}
			key = made
		}
		if _, err := tx.Exec(ctx, dropBootstrapKey, key.Hash()); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, insertKey, key.Hash(), key.Prefix(), project, micros(now))
		return err
	})
	if err != nil {
		return account.Key{}, err
	}
	return made, nil
}

func ensureProject(ctx context.Context, tx Tx, now time.Time) (account.ProjectID, error) {
	project, ok, err := find(ctx, tx, scanString[account.ProjectID], bootstrapProject)
	if ok || err != nil {
		return project, err
	}
	organization := newID()
	if _, err := tx.Exec(ctx, insertOrganization, organization, micros(now)); err != nil {
		return "", err
	}
	project = account.ProjectID(newID())
	_, err = tx.Exec(ctx, insertProject, project, organization, micros(now))
	return project, err
}

// IsDefault reports whether a project is the one that was made at the first start.
func (s *Store) IsDefault(ctx context.Context, p account.ProjectID) (is bool, err error) {
	err = s.db.Read(ctx, func(tx Tx) error {
		n, _, err := find(ctx, tx, scanInt, isDefault, p)
		is = n > 0
		return err
	})
	return is, err
}

// FindKey returns whom the key with this hash speaks for, or fails with
// NotFound.
func (s *Store) FindKey(ctx context.Context, hash string) (caller account.Caller, err error) {
	var ok bool
	err = s.db.Read(ctx, func(tx Tx) error {
		caller, ok, err = find(ctx, tx, scanCaller, findKey, hash)
		return err
	})
	if err == nil && !ok {
		err = fault.New(fault.NotFound, "API key not found")
	}
	return caller, err
}

// newID returns a UUID that sorts after those made before it.
func newID() string { return uuid.Must(uuid.NewV7()).String() }
