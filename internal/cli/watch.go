package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"kvasir/client"
)

// A watcher follows the events of a server while memos are added, so that it knows
// of each how it has ended or how far it is, without asking.
type watcher struct {
	mu     sync.Mutex // guards what follows
	ended  map[string]client.Change
	moving map[string]client.Progress
	news   chan struct{} // closed when something has changed
	broken bool          // there are no events, or no more
}

// watch begins to follow events, and returns when none is missed any more. The
// returned function ends it.
func (y *syncer) watch(ctx context.Context) (end func()) {
	w := &watcher{ended: map[string]client.Change{}, moving: map[string]client.Progress{}, news: make(chan struct{})}
	y.watcher = w
	ctx, cancel := context.WithCancel(ctx)
	opened := make(chan struct{})
	var once sync.Once
	ready := func() { once.Do(func() { close(opened) }) }
	var wg sync.WaitGroup
	wg.Go(func() {
		defer ready()
		for change, err := range y.client.Events(ctx, client.EventsRequest{Opened: ready}) {
			w.take(change, err)
		}
	})
	<-opened
	return func() {
		cancel()
		wg.Wait()
	}
}

// take notes an event.
func (w *watcher) take(e client.Change, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case err != nil, e.Kind == client.ChangeReset:
		w.broken = true // what was missed has to be asked for
	case e.Kind == client.ChangeProgress:
		w.moving[e.MemoID] = e.Progress
	case e.Kind == client.MemoProcessed, e.Kind == client.MemoFailed, e.Kind == client.MemoDeleted:
		w.ended[e.MemoID] = e
		delete(w.moving, e.MemoID)
	default: // it begins anew
		delete(w.ended, e.MemoID)
	}
	close(w.news)
	w.news = make(chan struct{})
}

// wait returns when no memo of the outcomes is in progress, and marks those that
// failed.
func (y *syncer) wait(ctx context.Context, label string, outcomes []outcome) {
	var open []*outcome
	for i := range outcomes {
		if outcomes[i].open {
			open = append(open, &outcomes[i])
		}
	}
	if len(open) == 0 {
		return
	}
	p := y.session.progress(fmt.Sprintf("%s %d memos", label, len(open)), int64(len(open)), unitItems)
	defer p.finish()
	if y.watcher != nil {
		open = y.listen(ctx, open, p)
	}
	y.poll(ctx, open, p)
}

// restBetween is how long a watcher rests after it has looked at all memos.
const restBetween = 50 * time.Millisecond

// listen waits by events. It returns the memos that have to be asked about: all
// that are open when the events break off, and those of which an old generation
// may have ended.
func (y *syncer) listen(ctx context.Context, open []*outcome, p *progress) (ask []*outcome) {
	for {
		seen := y.watcher.look(open)
		ask, open = append(ask, seen.ask...), seen.open
		p.add(seen.ended)
		seen.tell(p)
		if len(open) == 0 || seen.broken {
			return append(ask, open...)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-seen.news:
		}
		select {
		case <-ctx.Done():
		case <-time.After(restBetween): // events come in crowds
		}
	}
}

// A glance is what a watcher knows of open memos at one moment.
type glance struct {
	ended  int64      // how many are done
	ask    []*outcome // those that may be
	open   []*outcome
	moving []client.Progress // of open, in their order
	broken bool
	news   <-chan struct{} // closed when this is old
}

// look finds out which memos have ended, and notes how.
func (w *watcher) look(open []*outcome) glance {
	w.mu.Lock()
	defer w.mu.Unlock()
	seen := glance{broken: w.broken, news: w.news}
	for _, o := range open {
		e, done := w.ended[o.MemoID]
		switch {
		case done && o.Action != actionAdded:
			seen.ask = append(seen.ask, o)
		case done:
			o.end(e)
			seen.ended++
		default:
			seen.open = append(seen.open, o)
			seen.moving = append(seen.moving, w.moving[o.MemoID])
		}
	}
	return seen
}

// tell shows what waits, and the first memo that does not.
func (g *glance) tell(p *progress) {
	described := false
	for i, at := range g.moving {
		switch path := oneLine(g.open[i].Path); {
		case at.WaitingFor != "":
			p.waits(path, oneLine(at.WaitingFor)+doneIn(at.ETA))
		case at.Stage != "" && !described:
			described = true
			p.describe(path + " " + stepOf(&at))
		}
	}
}

// end notes how a memo has ended.
func (o *outcome) end(e client.Change) {
	switch e.Kind {
	case client.MemoFailed:
		o.fail(errors.New(e.ErrorReason))
	case client.MemoDeleted:
		o.fail(errors.New("somebody has deleted the memo meanwhile"))
	}
}

// stepOf says where a memo is: "parsing, page 3 of 20".
func stepOf(at *client.Progress) string {
	var text strings.Builder
	text.WriteString(at.Stage)
	for _, count := range []struct {
		of, what    string
		done, total int
	}{
		{"parsing", "pages", at.PagesDone, at.PagesTotal},
		{"enriching", "texts", at.EnrichDone, at.EnrichTotal},
		{"embedding", "passages", at.ChunksDone, at.ChunksTotal},
	} {
		if at.Stage == count.of && count.total > 0 {
			text.WriteString(fmt.Sprintf(", %s of %s %s", grouped(count.done), grouped(count.total), count.what))
		}
	}
	if !at.ETA.IsZero() {
		text.WriteString(doneIn(at.ETA))
	}
	return text.String()
}

// poll asks for each memo until it has ended.
func (y *syncer) poll(ctx context.Context, open []*outcome, p *progress) {
	var g errgroup.Group
	g.SetLimit(y.jobs)
	for _, o := range open {
		if ctx.Err() != nil {
			break
		}
		g.Go(func() error {
			if err := y.follow(ctx, o, p); err != nil && ctx.Err() == nil {
				o.fail(err)
			}
			p.add(1)
			return nil
		})
	}
	_ = g.Wait() // failures are outcomes
}

// follow waits for one memo, and tells why that takes its time.
func (y *syncer) follow(ctx context.Context, o *outcome, p *progress) error {
	for status, err := range y.client.WatchMemo(ctx, client.ByID(o.MemoID)) {
		if failed, ok := errors.AsType[*client.ProcessingError](err); ok {
			return errors.New(failed.Reason)
		}
		if err != nil {
			return err
		}
		if status.WaitingFor != "" {
			p.waits(oneLine(o.Path), oneLine(status.WaitingFor)+doneIn(status.ETA))
		} else if status.Status == client.StatusProcessing {
			p.describe(oneLine(o.Path) + " " + stepOf(&status.Progress))
		}
	}
	return nil
}
