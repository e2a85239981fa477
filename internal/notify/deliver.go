package notify

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"time"

	"kvasir/internal/event"
	"kvasir/internal/fault"
)

const (
	batchSize   = 100 // events in a request
	turnBatches = 10  // requests to a webhook before others have their turn
	// leastTries is how often a receiver must have failed before it is paused: after a
	// stop of ours for days, the first event that waits is old through no fault of it.
	leastTries = 10
)

// An outcome is how one request ended.
type outcome struct {
	err   error         // nil if the receiver has taken the message
	retry time.Duration // what it asks for
	gone  bool          // it wants no more
}

// send sends a message once.
func (s *Service) send(ctx context.Context, w event.Webhook, m message) outcome {
	body, header, err := m.sealed(w.Secret, time.Now())
	if err != nil {
		return outcome{err: err}
	}
	within, cancel := context.WithTimeout(ctx, s.opts.Timeout)
	defer cancel()
	status, retry, err := s.post.Post(within, w.URL, header, body)
	switch {
	case err != nil && within.Err() != nil && ctx.Err() == nil:
		words := fmt.Sprintf("The receiver did not answer within %v", s.opts.Timeout)
		return outcome{err: fault.Wrap(fault.Unavailable, words, err)}
	case err != nil:
		return outcome{err: err}
	case status >= 200 && status < 300:
		return outcome{}
	}
	words := fmt.Sprintf("The receiver answered %d %s", status, http.StatusText(status))
	return outcome{fault.New(fault.Unavailable, words), retry, status == http.StatusGone}
}

// turn tells a webhook some of what it has missed, in order.
func (s *Service) turn(ctx context.Context, w event.Webhook) error {
	for range turnBatches {
		more, err := s.deliver(ctx, &w)
		if err != nil || !more {
			return err
		}
	}
	return nil
}

// deliver tells a webhook of the next events after its cursor, and stores how that
// went. It reports whether there may be more to tell now.
func (s *Service) deliver(ctx context.Context, w *event.Webhook) (more bool, err error) {
	events, err := s.store.Events(ctx, w.Project, w.Cursor, batchSize)
	if err != nil || len(events) == 0 {
		return false, err
	}
	more = len(events) == batchSize
	last := events[len(events)-1].Seq
	if len(w.Kinds) > 0 {
		events = slices.DeleteFunc(events, func(e event.Event) bool { return !slices.Contains(w.Kinds, e.Kind) })
	}
	out := outcome{}
	if len(events) > 0 {
		out = s.send(ctx, *w, batch(w.ID, events))
	}
	now := time.Now()
	d := w.Delivery
	switch {
	case out.err == nil:
		d = event.Delivery{Cursor: last, LastTaken: now}
	case ctx.Err() != nil:
		return false, ctx.Err() // cut short by a stop: not a failure of the receiver
	default:
		more = false
		s.fail(ctx, w, &d, out, now.Sub(events[0].At))
	}
	w.Delivery = d
	// What a receiver has taken is noted even in a stop, or it would get it twice.
	err = s.store.SaveDelivery(context.WithoutCancel(ctx), w.ID, d)
	if fault.Is(err, fault.NotFound) {
		return false, nil // deleted meanwhile
	}
	return more, err
}

// fail notes a failure, and when to try again. waited is how long the first event
// has been waiting to be taken.
func (s *Service) fail(ctx context.Context, w *event.Webhook, d *event.Delivery, out outcome, waited time.Duration) {
	d.Attempt++
	d.LastError = fault.Message(out.err)
	switch {
	case out.gone:
		d.NotBefore = pausedUntil
	case d.Attempt >= leastTries && waited > s.opts.GiveUp:
		d.NotBefore = pausedUntil
		d.LastError = fmt.Sprintf("%s, %d times in a row", d.LastError, d.Attempt)
	default:
		d.NotBefore = time.Now().Add(max(s.delay(d.Attempt), out.retry))
	}
	words := "webhook not told; trying again"
	if Paused(*d) {
		words = "webhook paused until a test of it succeeds"
	}
	s.log.WarnContext(ctx, words, "webhook", string(w.ID), "project", string(w.Project), "attempt", d.Attempt,
		"error", out.err)
}

// delay returns how long to wait after the nth failure in a row: doubling, and by up
// to half less, so that receivers behind one server do not come at once.
func (s *Service) delay(attempt int) time.Duration {
	d := s.opts.LastRetry
	if shift := attempt - 1; shift < 20 {
		d = min(s.opts.FirstRetry<<shift, d)
	}
	return d - rand.N(d/2+1)
}
