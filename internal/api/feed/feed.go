// Package feed tells one client what happens to the memos of a project: the log
// of events from where the client left off, and between them how far unfinished
// memos are.
//
// The log is what counts: its events have ids, come in order, and come again to a
// client that comes back. What is told of unfinished memos is a picture of the
// moment; a client that has missed one has missed nothing. A client that does not
// read is dropped, never waited for and never buffered for: it can come back.
package feed

import (
	"context"
	"strings"
	"time"

	"kvasir/internal/account"
	"kvasir/internal/event"
	"kvasir/internal/memo"
)

// A Log is what a feed follows.
type Log interface {
	// Events returns up to limit events after the given one, in their order.
	Events(ctx context.Context, p account.ProjectID, after int64, limit int) ([]event.Event, error)
	// EventLog returns where the log begins and ends.
	EventLog(ctx context.Context, p account.ProjectID) (event.Log, error)
	// EventSignal returns a channel that is closed after the next event of any
	// project.
	EventSignal() <-chan struct{}
}

// A Stream takes events to the client. Both methods report whether it is still
// there.
type Stream interface {
	// SendNamed sends v, with an id unless that is 0.
	SendNamed(id int64, name string, v any) bool
	// SendCursor tells the client where it is, without an event.
	SendCursor(id int64) bool
}

// A Feed is what one client wants to hear.
type Feed struct {
	Log     Log
	Project account.ProjectID
	Memo    memo.ID // only of this one; empty for all
	// After is the last event that the client knows: 0 for the oldest that is
	// kept, [OnlyNew] for none of those that have been.
	After int64
	// Unfinished returns the memos whose progress is told; nil for none.
	Unfinished func(ctx context.Context) ([]memo.Memo, error)
	// Progress returns what is told of one.
	Progress func(ctx context.Context, m *memo.Memo) any
	// Stopping ends the feed when it is closed.
	Stopping <-chan struct{}

	log event.Log // as it was when the feed was opened
}

// OnlyNew as a cursor means that nothing is replayed.
const OnlyNew int64 = -1

const (
	pageSize = 100
	// pause is how long a feed rests after it has read the log to its end: the
	// signal is for events of all projects, and they may come in thousands.
	pause = 100 * time.Millisecond
	tick  = time.Second
)

// Open notes where the log ends. It comes before the client hears anything: who
// has seen the stream begin must get whatever happens from then on.
func (f *Feed) Open(ctx context.Context) (err error) {
	f.log, err = f.Log.EventLog(ctx, f.Project)
	return err
}

// Serve follows the log of an opened feed until ctx ends, the server stops, or the
// client does not read. An error of the log ends it, too; the client comes back and
// goes on.
func (f *Feed) Serve(ctx context.Context, out Stream) (err error) {
	cursor := f.begin(out)
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	rest := time.NewTimer(0)
	defer rest.Stop()
	said := told{}
	signal := f.Log.EventSignal()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-f.Stopping:
			return nil
		case <-signal: // read after a rest; those who follow it are many
			signal = nil
			rest.Reset(pause)
		case <-rest.C:
			signal = f.Log.EventSignal() // before the log is read, so that nothing falls between
			if cursor, err = f.replay(ctx, out, cursor); err != nil {
				return err
			}
		case <-ticker.C:
			if err := f.progress(ctx, out, said); err != nil {
				return err
			}
		}
	}
}

// begin tells the client where it is, and whether it has missed something for
// good: events older than those that are kept, or a log that is not the one it
// knows.
func (f *Feed) begin(out Stream) (cursor int64) {
	switch {
	case f.After == OnlyNew:
		out.SendCursor(f.log.Newest)
		return f.log.Newest
	case f.After > 0 && (f.After < f.log.Oldest || f.After > f.log.Newest):
		out.SendNamed(0, "reset", reset{"reset", f.log.Oldest})
		return 0
	}
	return f.After
}

// A reset says that events before the oldest are lost to the client.
type reset struct {
	Type   string `json:"type"`
	Oldest int64  `json:"oldest"`
}

// An Entry is an event of the log on the wire.
type Entry struct {
	ID          int64      `json:"id"`
	Type        event.Kind `json:"type"`
	CreatedAt   string     `json:"created_at"`
	MemoID      memo.ID    `json:"memo_uuid"`
	ReferenceID *string    `json:"reference_id"`
	Title       string     `json:"title"`
	Generation  int        `json:"generation"`
	ErrorReason *string    `json:"error_reason"`
}

// maxReason bounds a reason, so that an event fits into a line of a stream.
const maxReason = 4000 // bytes, of which each is at most six on the wire

// entryOf returns an event as it is told.
func entryOf(e *event.Event) Entry {
	out := Entry{
		ID: e.Seq, Type: e.Kind, CreatedAt: e.At.UTC().Format("2006-01-02T15:04:05.000Z"), MemoID: e.Memo,
		Title: e.Title, Generation: e.Generation,
	}
	if e.ReferenceID != "" {
		out.ReferenceID = &e.ReferenceID
	}
	if reason := e.Error; reason != "" {
		reason = strings.ToValidUTF8(reason[:min(len(reason), maxReason)], "")
		out.ErrorReason = &reason
	}
	return out
}

// replay sends what is new in the log, and returns the last event of it.
func (f *Feed) replay(ctx context.Context, out Stream, cursor int64) (int64, error) {
	for {
		page, err := f.Log.Events(ctx, f.Project, cursor, pageSize)
		if err != nil || len(page) == 0 {
			return cursor, err
		}
		for i := range page {
			e := &page[i]
			cursor = e.Seq
			if f.Memo != "" && e.Memo != f.Memo {
				continue
			}
			if !out.SendNamed(e.Seq, string(e.Kind), entryOf(e)) {
				return cursor, context.Cause(ctx)
			}
		}
		if len(page) < pageSize {
			return cursor, nil
		}
	}
}
