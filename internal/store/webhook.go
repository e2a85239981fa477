package store

import (
	"context"
	"time"

	"kvasir/internal/account"
	"kvasir/internal/event"
	"kvasir/internal/fault"
)

const (
	insertWebhook = `
INSERT INTO webhooks (id, project, url, kinds, secret, created, cursor)
SELECT $1, $2, $3, $4, $5, $6, coalesce((SELECT max(seq) FROM events WHERE project = $2), 0)`
	webhookColumns = `
SELECT id, project, url, kinds, secret, created, cursor, attempt, not_before, last_error, last_taken
FROM webhooks w`
	listWebhooks  = webhookColumns + ` WHERE project = $1 ORDER BY created, id`
	findWebhook   = webhookColumns + ` WHERE project = $1 AND id = $2`
	deleteWebhook = `DELETE FROM webhooks WHERE project = $1 AND id = $2`
	// Who has waited longest comes first.
	dueWebhooks = webhookColumns + `
WHERE not_before <= $1 AND EXISTS (SELECT 1 FROM events e WHERE e.project = w.project AND e.seq > w.cursor)
ORDER BY coalesce(last_taken, 0), id LIMIT $2`
	saveDelivery = `
UPDATE webhooks SET cursor = $2, attempt = $3, not_before = $4, last_error = $5, last_taken = $6 WHERE id = $1`
)

// CreateWebhook stores a webhook, which is told of what happens from now on.
func (s *Store) CreateWebhook(ctx context.Context, w event.Webhook) error {
	kinds := make([]string, len(w.Kinds))
	for i, k := range w.Kinds {
		kinds[i] = string(k)
	}
	return s.db.Write(ctx, func(tx Tx) error {
		_, err := tx.Exec(ctx, insertWebhook, w.ID, w.Project, w.URL, stringsJSON(kinds), w.Secret, micros(w.Created))
		return err
	})
}

func scanWebhook(r Rows) (w event.Webhook, err error) {
	var id, project, kinds string
	var created, notBefore int64
	var lastTaken *int64
	err = r.Scan(&id, &project, &w.URL, &kinds, &w.Secret, &created,
		&w.Cursor, &w.Attempt, &notBefore, &w.LastError, &lastTaken)
	if err != nil {
		return w, err
	}
	w.ID, w.Project, w.Created = event.WebhookID(id), account.ProjectID(project), timeOf(created)
	if notBefore != 0 {
		w.NotBefore = timeOf(notBefore)
	}
	if lastTaken != nil {
		w.LastTaken = timeOf(*lastTaken)
	}
	names, err := fromStringsJSON(kinds)
	for _, name := range names {
		w.Kinds = append(w.Kinds, event.Kind(name))
	}
	return w, err
}

// ListWebhooks returns the project's webhooks, the oldest first.
func (s *Store) ListWebhooks(ctx context.Context, p account.ProjectID) (hooks []event.Webhook, err error) {
	err = s.db.Read(ctx, func(tx Tx) error {
		hooks, err = collect(ctx, tx, scanWebhook, listWebhooks, p)
		return err
	})
	return hooks, err
}

// FindWebhook returns a webhook of the project, or fails with NotFound.
func (s *Store) FindWebhook(
	ctx context.Context, p account.ProjectID, id event.WebhookID,
) (hook event.Webhook, err error) {
	err = s.db.Read(ctx, func(tx Tx) error {
		var ok bool
		hook, ok, err = find(ctx, tx, scanWebhook, findWebhook, p, id)
		if err == nil && !ok {
			err = errNoWebhook()
		}
		return err
	})
	return hook, err
}

// DeleteWebhook removes a webhook of the project, or fails with NotFound.
func (s *Store) DeleteWebhook(ctx context.Context, p account.ProjectID, id event.WebhookID) error {
	return s.db.Write(ctx, func(tx Tx) error { return mustChange(tx.Exec(ctx, deleteWebhook, p, id)) })
}

// DueWebhooks returns up to limit webhooks, of all projects, that there are events
// for and that may be told of them now.
func (s *Store) DueWebhooks(ctx context.Context, now time.Time, limit int) (hooks []event.Webhook, err error) {
	err = s.db.Read(ctx, func(tx Tx) error {
		hooks, err = collect(ctx, tx, scanWebhook, dueWebhooks, micros(now), limit)
		return err
	})
	return hooks, err
}

// SaveDelivery stores how far a webhook has been told. One that is gone is
// NotFound.
func (s *Store) SaveDelivery(ctx context.Context, id event.WebhookID, d event.Delivery) error {
	var notBefore int64
	if !d.NotBefore.IsZero() {
		notBefore = micros(d.NotBefore)
	}
	var taken *int64
	if !d.LastTaken.IsZero() {
		taken = new(micros(d.LastTaken))
	}
	return s.db.Write(ctx, func(tx Tx) error {
		return mustChange(tx.Exec(ctx, saveDelivery, id, d.Cursor, d.Attempt, notBefore, d.LastError, taken))
	})
}

// mustChange turns no changed row into NotFound.
func mustChange(n int64, err error) error {
	if err == nil && n == 0 {
		err = errNoWebhook()
	}
	return err
}

func errNoWebhook() error { return fault.New(fault.NotFound, "Webhook not found") }
