package notify

import (
	"context"
	"maps"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"kvasir/internal/event"
)

const (
	// linger lets events come together before they are sent: a memo is created,
	// processed and told in one message if it is quick.
	linger     = 100 * time.Millisecond
	pruneEvery = time.Hour
)

// Run tells webhooks, and forgets old events, until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.tell(gctx) })
	g.Go(func() error { return s.prune(gctx) })
	err := g.Wait()
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// busy knows the webhooks that are being told: each by one goroutine at a time,
// which keeps its events in order.
type busy struct {
	mu   sync.Mutex
	ids  map[event.WebhookID]bool
	most int
}

// with returns the webhooks that are being told.
func (b *busy) with() map[event.WebhookID]bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return maps.Clone(b.ids)
}

// begin notes one more, and reports false if there are too many.
func (b *busy) begin(id event.WebhookID) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.ids) >= b.most {
		return false
	}
	b.ids[id] = true
	return true
}

func (b *busy) end(id event.WebhookID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.ids, id)
}

// tell looks for webhooks that are due: after a commit with events, when one has
// been told and may have more to hear, and now and then.
func (s *Service) tell(ctx context.Context) error {
	var told sync.WaitGroup
	defer told.Wait()
	now := &busy{ids: map[event.WebhookID]bool{}, most: s.opts.AtOnce}
	done := make(chan struct{}, 1)
	sweep := time.NewTicker(s.opts.Sweep)
	defer sweep.Stop()
	for {
		signal := s.store.EventSignal()
		// Those that are being told are among the due ones, with a cursor that may be
		// out of date before they are looked at.
		telling := now.with()
		due, err := s.store.DueWebhooks(ctx, time.Now(), 2*s.opts.AtOnce)
		if err != nil && ctx.Err() == nil {
			s.log.WarnContext(ctx, "webhooks not read; trying again", "error", err)
		}
		for _, w := range due {
			if telling[w.ID] || !now.begin(w.ID) {
				continue
			}
			told.Go(func() {
				if err := s.turn(ctx, w); err != nil && ctx.Err() == nil {
					s.log.WarnContext(ctx, "delivery not stored; it is sent again", "webhook", string(w.ID), "error", err)
				}
				now.end(w.ID)
				select {
				case done <- struct{}{}:
				default:
				}
			})
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-done:
		case <-sweep.C:
		case <-signal:
			if err := pause(ctx, linger); err != nil {
				return err
			}
		}
	}
}

// prune forgets events that are older than they are kept.
func (s *Service) prune(ctx context.Context) error {
	for {
		n, err := s.store.PruneEvents(ctx, time.Now().Add(-s.opts.Retention))
		if err != nil && ctx.Err() == nil {
			s.log.WarnContext(ctx, "old events not forgotten", "error", err)
		}
		if n > 0 {
			s.log.InfoContext(ctx, "old events forgotten", "events", n)
		}
		if err := pause(ctx, pruneEvery); err != nil {
			return err
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
