package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// A ChangeKind is what has happened to a memo.
type ChangeKind string

// The kinds of change. The last two are of the stream, not of its log.
const (
	MemoCreated   ChangeKind = "memo.created"
	MemoUpdated   ChangeKind = "memo.updated"
	MemoProcessed ChangeKind = "memo.processed"
	MemoFailed    ChangeKind = "memo.failed"
	MemoDeleted   ChangeKind = "memo.deleted"

	// ChangeProgress tells how far an unfinished memo is.
	ChangeProgress ChangeKind = "progress"
	// ChangeReset says that events were missed for good: they are older than what
	// the server keeps. All that it keeps follow.
	ChangeReset ChangeKind = "reset"
)

// A Change is something that has happened to a memo, or how far it is.
type Change struct {
	ID          int64      `json:"id"` // where in the log; 0 for progress and resets
	Kind        ChangeKind `json:"type"`
	At          time.Time  `json:"created_at,omitzero"`
	MemoID      string     `json:"memo_uuid"`
	ReferenceID string     `json:"reference_id"`
	Title       string     `json:"title"`
	Generation  int        `json:"generation"`
	ErrorReason string     `json:"error_reason"`
	Oldest      int64      `json:"oldest,omitzero"` // of a reset: the first event that is kept
	Progress
}

// OldestEvent as [EventsRequest.After] asks for everything that is kept.
const OldestEvent int64 = -1

// An EventsRequest says which events are wanted. The zero value means all that
// happens from now on.
type EventsRequest struct {
	After      int64  // the last event that is known; [OldestEvent] for none; 0 for only new ones
	MemoID     string // only of this memo; empty for all
	NoProgress bool   // leaves out how far unfinished memos are
	// Opened, if set, is called each time that the server has begun to send: what
	// happens after the first call is not missed.
	Opened func()
}

func (r EventsRequest) query() url.Values {
	q := url.Values{}
	switch {
	case r.After > 0:
		q.Set("after", strconv.FormatInt(r.After, 10))
	case r.After == OldestEvent:
		q.Set("after", "0")
	}
	if r.MemoID != "" {
		q.Set("memo", r.MemoID)
	}
	if r.NoProgress {
		q.Set("progress", "false")
	}
	return q
}

// The pauses before a stream is opened again, from the first to the longest.
const (
	firstReconnect   = 100 * time.Millisecond
	longestReconnect = 10 * time.Second
)

// Events yields what happens to memos, without end. A connection that breaks is
// made again, and no event of the log is missed or comes twice. The iteration ends
// with an error when ctx ends, when the server refuses with a status below 500, or
// when it cannot be reached at first.
func (c *Client) Events(ctx context.Context, r EventsRequest) iter.Seq2[Change, error] {
	return func(yield func(Change, error) bool) {
		f := follower{client: c, want: r, yield: yield}
		for pause := firstReconnect; ; pause = min(pause*2, longestReconnect) {
			opened, err := f.follow(ctx)
			switch {
			case f.stopped:
				return
			case ctx.Err() != nil:
				yield(Change{}, fmt.Errorf("follow events: %w", context.Cause(ctx)))
				return
			case opened:
				pause = firstReconnect
			case !f.begun || isRefusal(err):
				yield(Change{}, err)
				return
			}
			select {
			case <-ctx.Done():
			case <-time.After(pause):
			}
		}
	}
}

// isRefusal reports whether asking again would not help.
func isRefusal(err error) bool {
	refused, ok := errors.AsType[*APIError](err)
	return ok && refused.StatusCode < http.StatusInternalServerError && refused.StatusCode != http.StatusTooManyRequests
}

// A follower reads one stream after the other.
type follower struct {
	client  *Client
	want    EventsRequest
	yield   func(Change, error) bool
	cursor  string // the last event that came
	begun   bool   // there has been a stream
	stopped bool   // nobody wants more
}

// follow reads a stream to its end, and reports whether there was one.
func (f *follower) follow(ctx context.Context) (opened bool, err error) {
	resp, err := f.client.send(ctx, request{
		method: http.MethodGet, path: "/api/v1/events", query: f.want.query(), lastEventID: f.cursor,
	})
	if err != nil {
		return false, err
	}
	defer resp.Body.Close()
	f.begun = true
	if f.want.Opened != nil {
		f.want.Opened()
	}
	for m, err := range events(resp.Body) {
		if err != nil {
			return true, err // the next stream goes on after the last event that was read
		}
		var change Change
		if len(m.data) > 0 {
			if err := json.Unmarshal(m.data, &change); err != nil {
				return true, fmt.Errorf("read event: %w", err)
			}
		}
		if m.id != "" {
			f.cursor = m.id
		}
		if len(m.data) == 0 {
			continue // it only says where the log ends
		}
		if !f.yield(change, nil) {
			f.stopped = true
			return true, nil
		}
	}
	return true, nil
}
