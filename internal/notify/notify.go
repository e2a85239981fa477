// Package notify tells webhooks what happens to memos.
//
// A webhook is a reader of the event log with a cursor: the last event that its
// receiver has taken. [Service.Run] sends what comes after the cursor, in order and
// up to a hundred events at once, and moves the cursor when the receiver answers
// with a status of 200 to 299. So each event arrives at least once, in order, and a
// webhook costs one row however much happens. A receiver that fails is asked again
// later and later, and keeps nobody else waiting; one that fails for days is paused,
// with the reason, until a [Service.Test] succeeds.
//
// What is sent is signed as the Standard Webhooks specification says.
package notify

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/google/uuid"

	"kvasir/internal/account"
	"kvasir/internal/event"
	"kvasir/internal/fault"
)

// registry is the part of the store that knows the webhooks of a project.
type registry interface {
	// CreateWebhook stores a webhook, which is told of what happens from now on.
	CreateWebhook(ctx context.Context, w event.Webhook) error
	ListWebhooks(ctx context.Context, p account.ProjectID) ([]event.Webhook, error)
	FindWebhook(ctx context.Context, p account.ProjectID, id event.WebhookID) (event.Webhook, error)
	DeleteWebhook(ctx context.Context, p account.ProjectID, id event.WebhookID) error
}

// eventLog is the part of the store that keeps what has happened.
type eventLog interface {
	// Events returns up to limit events of the project after the given one, in order.
	Events(ctx context.Context, p account.ProjectID, after int64, limit int) ([]event.Event, error)
	// EventSignal returns a channel that is closed after the next commit with events.
	EventSignal() <-chan struct{}
	// PruneEvents forgets events before a time and returns how many.
	PruneEvents(ctx context.Context, before time.Time) (int, error)
}

// deliveries is the part of the store that knows how far webhooks have been told.
type deliveries interface {
	// DueWebhooks returns up to limit webhooks, of all projects, that there are events
	// for and that may be told now; who has waited longest comes first.
	DueWebhooks(ctx context.Context, now time.Time, limit int) ([]event.Webhook, error)
	// SaveDelivery stores how far a webhook has been told. One that is gone is NotFound.
	SaveDelivery(ctx context.Context, id event.WebhookID, d event.Delivery) error
}

// Store is what notify needs of the database.
type Store interface {
	registry
	eventLog
	deliveries
}

// A Poster sends requests to addresses that strangers name, and to no address that
// it must not.
type Poster interface {
	// Check says what is wrong with an address, as far as it can be seen.
	Check(rawURL string) error
	// Post returns the status of the answer and how long the server asks to wait. It
	// follows no redirect. An error means that there is no answer.
	Post(ctx context.Context, rawURL string, header http.Header, body []byte) (int, time.Duration, error)
}

// Options bound what is sent. The zero value of a field is its default.
type Options struct {
	AtOnce     int           // webhooks told at the same time; 16
	Timeout    time.Duration // for a receiver to answer; 15 s
	Sweep      time.Duration // how often webhooks are looked for whose time to be tried again has come; 1 s
	FirstRetry time.Duration // after a first failure; it doubles with each; 5 s
	LastRetry  time.Duration // the longest wait that is not asked for; 1 hour
	GiveUp     time.Duration // how old the first event that is not taken may get; 3 days
	Retention  time.Duration // how long events are kept; 30 days
}

func (o *Options) setDefaults() {
	o.AtOnce = cmp.Or(o.AtOnce, 16)
	o.Timeout = cmp.Or(o.Timeout, 15*time.Second)
	o.Sweep = cmp.Or(o.Sweep, time.Second)
	o.FirstRetry = cmp.Or(o.FirstRetry, 5*time.Second)
	o.LastRetry = cmp.Or(o.LastRetry, time.Hour)
	o.GiveUp = cmp.Or(o.GiveUp, 72*time.Hour)
	o.Retention = cmp.Or(o.Retention, 30*24*time.Hour)
}

// A Service tells webhooks. Its work is done in [Service.Run].
type Service struct {
	store Store
	post  Poster
	log   *slog.Logger
	opts  Options
}

// New returns a service. opts may be nil.
func New(store Store, post Poster, log *slog.Logger, opts *Options) *Service {
	s := &Service{store: store, post: post, log: log}
	if opts != nil {
		s.opts = *opts
	}
	s.opts.setDefaults()
	return s
}

const (
	maxWebhooks  = 20 // of a project
	secretPrefix = "whsec_"
	secretBytes  = 32
)

// Create adds a webhook for events of these kinds, or of all if there are none. The
// answer holds the secret that signs what it is sent.
func (s *Service) Create(
	ctx context.Context, p account.ProjectID, url string, kinds []event.Kind,
) (event.Webhook, error) {
	if err := s.post.Check(url); err != nil {
		return event.Webhook{}, err
	}
	for _, k := range kinds {
		if !slices.Contains(event.Kinds(), k) {
			return event.Webhook{}, fault.New(fault.Invalid, fmt.Sprintf("kinds: There is no event %q", k))
		}
	}
	have, err := s.store.ListWebhooks(ctx, p)
	if err != nil {
		return event.Webhook{}, err
	}
	if len(have) >= maxWebhooks {
		return event.Webhook{}, fault.New(fault.Invalid, fmt.Sprintf("A project has at most %d webhooks", maxWebhooks))
	}
	w := event.Webhook{
		ID:      event.WebhookID(uuid.Must(uuid.NewV7()).String()),
		Project: p,
		URL:     url,
		Kinds:   slices.Compact(slices.Sorted(slices.Values(kinds))),
		Secret:  newSecret(),
		Created: time.Now(),
	}
	return w, s.store.CreateWebhook(ctx, w)
}

func newSecret() string {
	key := make([]byte, secretBytes)
	_, _ = rand.Read(key) // never fails
	return secretPrefix + base64.StdEncoding.EncodeToString(key)
}

// List returns the project's webhooks, the oldest first.
func (s *Service) List(ctx context.Context, p account.ProjectID) ([]event.Webhook, error) {
	return s.store.ListWebhooks(ctx, p)
}

// Delete removes a webhook. What is being sent to it at this moment may still arrive.
func (s *Service) Delete(ctx context.Context, p account.ProjectID, id event.WebhookID) error {
	return s.store.DeleteWebhook(ctx, p, id)
}

// Test sends a ping now; the error says why the receiver did not take it. A success
// ends a pause, or the wait for the next try.
func (s *Service) Test(ctx context.Context, p account.ProjectID, id event.WebhookID) error {
	w, err := s.store.FindWebhook(ctx, p, id)
	if err != nil {
		return err
	}
	if out := s.send(ctx, w, ping(w.ID, time.Now())); out.err != nil {
		return out.err
	}
	// Meanwhile its cursor may have moved.
	if w, err = s.store.FindWebhook(ctx, p, id); err != nil || w.Attempt == 0 {
		return err
	}
	d := w.Delivery
	d.Attempt, d.NotBefore, d.LastError = 0, time.Time{}, ""
	return s.store.SaveDelivery(ctx, w.ID, d)
}

// pausedUntil is when a paused webhook is due: never.
var pausedUntil = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

// Paused reports whether a webhook is told no more until a test succeeds. Its last
// error says why.
func Paused(d event.Delivery) bool { return !d.NotBefore.Before(pausedUntil) }
