package feed_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"kvasir/internal/account"
	"kvasir/internal/api/feed"
	"kvasir/internal/event"
	"kvasir/internal/memo"
)

// A memory is a log that is read from memory.
type memory struct {
	mu     sync.Mutex
	events []event.Event
	signal chan struct{}
	reads  int
	failed error
}

func (l *memory) Events(_ context.Context, p account.ProjectID, after int64, limit int) ([]event.Event, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.reads++
	var out []event.Event
	for _, e := range l.events {
		if e.Project == p && e.Seq > after && len(out) < limit {
			out = append(out, e)
		}
	}
	return out, l.failed
}

func (l *memory) EventLog(context.Context, account.ProjectID) (event.Log, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.events) == 0 {
		return event.Log{}, nil
	}
	return event.Log{Oldest: l.events[0].Seq, Newest: l.events[len(l.events)-1].Seq}, nil
}

func (l *memory) EventSignal() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.signal == nil {
		l.signal = make(chan struct{})
	}
	return l.signal
}

// add appends events about memos.
func (l *memory) add(seqs ...int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, seq := range seqs {
		l.events = append(l.events, event.Event{
			Seq: seq, Project: "p", Kind: event.Created, Memo: memo.ID(fmt.Sprint("m", seq%2)),
		})
	}
	if l.signal != nil {
		close(l.signal)
		l.signal = nil
	}
}

// lines notes what is sent. After gone things nobody reads any more.
type lines struct {
	mu   sync.Mutex
	sent []string
	gone int
}

func (l *lines) put(line string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sent = append(l.sent, line)
	return l.gone == 0 || len(l.sent) < l.gone
}

func (l *lines) SendNamed(id int64, name string, v any) bool {
	if e, ok := v.(feed.Entry); ok {
		return l.put(fmt.Sprintf("%d %s %d", id, name, e.ID))
	}
	return l.put(fmt.Sprintf("%d %s %v", id, name, v))
}

func (l *lines) SendCursor(id int64) bool { return l.put(fmt.Sprint("at ", id)) }

func (l *lines) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.sent)
}

func TestReplay(t *testing.T) {
	t.Parallel()
	created := func(seqs ...int64) (lines []string) {
		for _, seq := range seqs {
			lines = append(lines, fmt.Sprintf("%d memo.created %d", seq, seq))
		}
		return lines
	}
	tests := []struct {
		name  string
		kept  []int64
		after int64
		memo  memo.ID
		want  []string // up to an event 8 that comes as the feed opens, and a later 9
	}{
		{"only new", []int64{4, 6}, feed.OnlyNew, "", append([]string{"at 6"}, created(8, 9)...)},
		{"only new of nothing", nil, feed.OnlyNew, "", append([]string{"at 0"}, created(8, 9)...)},
		{"all that are kept", []int64{4, 6}, 0, "", created(4, 6, 8, 9)},
		{"after one", []int64{4, 6}, 4, "", created(6, 8, 9)},
		{"after the newest", []int64{4, 6}, 6, "", created(8, 9)},
		{"after one that is forgotten", []int64{4, 6}, 3, "", append([]string{"0 reset {reset 4}"}, created(4, 6, 8, 9)...)},
		{"of another log", []int64{4, 6}, 50, "", append([]string{"0 reset {reset 4}"}, created(4, 6, 8, 9)...)},
		{"of a log that is empty now", nil, 50, "", append([]string{"0 reset {reset 0}"}, created(8, 9)...)},
		{"of one memo", []int64{4, 5, 6, 7}, 0, "m1", created(5, 7, 9)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				log, out := &memory{}, &lines{}
				if tt.kept != nil {
					log.add(tt.kept...)
				}
				ctx, cancel := context.WithCancel(t.Context())
				f := feed.Feed{Log: log, Project: "p", Memo: tt.memo, After: tt.after}
				if err := f.Open(ctx); err != nil {
					t.Fatal(err)
				}
				log.add(8) // before the client could have heard anything
				ended := make(chan error)
				go func() { ended <- f.Serve(ctx, out) }()
				time.Sleep(time.Second)
				log.add(9)
				time.Sleep(time.Second)
				cancel()
				if err := <-ended; err != nil {
					t.Error(err)
				}
				if diff := cmp.Diff(tt.want, out.all()); diff != "" {
					t.Errorf("-want +got:\n%s", diff)
				}
			})
		})
	}
}

func TestManyEventsAreReadInPages(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log, out := &memory{}, &lines{}
		for seq := range int64(250) {
			log.add(seq + 1)
		}
		stopping := make(chan struct{})
		f := feed.Feed{Log: log, Project: "p", Stopping: stopping}
		ended := make(chan error)
		go func() { ended <- f.Serve(t.Context(), out) }()
		time.Sleep(time.Second)
		for seq := range int64(1000) { // a burst, within a second
			log.add(251 + seq)
			time.Sleep(time.Millisecond)
		}
		time.Sleep(time.Second)
		close(stopping)
		if err := <-ended; err != nil {
			t.Error(err)
		}
		sent := out.all()
		if len(sent) != 1250 || sent[1249] != "1250 memo.created 1250" {
			t.Errorf("%d events, at last %s", len(sent), sent[len(sent)-1])
		}
		if log.reads > 40 {
			t.Errorf("the log was read %d times", log.reads)
		}
	})
}

func TestProgressIsToldWhenItChanges(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		at, waits := memo.Progress{Stage: memo.StageParsing}, "1"
		unfinished := true
		set := func(change func()) {
			time.Sleep(1100 * time.Millisecond)
			mu.Lock()
			defer mu.Unlock()
			change()
		}
		f := feed.Feed{
			Log: &memory{}, Project: "p", After: feed.OnlyNew,
			Unfinished: func(context.Context) ([]memo.Memo, error) {
				mu.Lock()
				defer mu.Unlock()
				if !unfinished {
					return nil, nil
				}
				return []memo.Memo{{ID: "m", Progress: at}}, nil
			},
			Progress: func(_ context.Context, m *memo.Memo) any {
				mu.Lock()
				defer mu.Unlock()
				return fmt.Sprint(m.ID, " ", m.Progress.PagesDone, " ", waits)
			},
		}
		out := &lines{}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- f.Serve(ctx, out) }()
		set(func() { at.PagesDone = 1 })
		set(func() { waits = "2" }) // which is not looked at again at once
		time.Sleep(10 * time.Second)
		set(func() { unfinished = false })
		set(func() { unfinished = true }) // its figures are told again then
		time.Sleep(2 * time.Second)
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		want := []string{"at 0", "0 progress m 0 1", "0 progress m 1 1", "0 progress m 1 2", "0 progress m 1 2"}
		if diff := cmp.Diff(want, out.all()); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
}

func TestWhoDoesNotReadIsDropped(t *testing.T) {
	t.Parallel()
	log, out := &memory{}, &lines{gone: 3}
	log.add(1, 2, 3, 4, 5, 6)
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("a write took too long")) // as a stream does
	f := feed.Feed{Log: log, Project: "p"}
	if err := f.Serve(ctx, out); err != nil && !strings.Contains(err.Error(), "too long") {
		t.Error(err)
	}
	if n := len(out.all()); n > 3 {
		t.Errorf("%d events were sent", n)
	}
}

func TestALogThatCannotBeReadEndsTheFeed(t *testing.T) {
	t.Parallel()
	log := &memory{failed: errors.New("disk on fire")}
	f := feed.Feed{Log: log, Project: "p"}
	if err := f.Serve(t.Context(), &lines{}); err == nil || err.Error() != "disk on fire" {
		t.Errorf("Serve: %v", err)
	}
}
