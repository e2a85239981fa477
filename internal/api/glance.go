package api

import (
	"context"
	"sync"
	"time"

	"kvasir/internal/account"
	"kvasir/internal/memo"
)

// glances keep what was seen a moment ago of the unfinished memos of each project, so
// that ten thousand streams ask no more often than one.
type glances struct {
	mu sync.Mutex // guards of
	of map[account.ProjectID]*glance
}

// A glance is what was seen last of one project.
type glance struct {
	mu    sync.Mutex // guards the rest, and lets one ask for all
	at    time.Time
	memos []memo.Memo
}

// fresh is how old a glance may be: streams tell of progress every second.
const fresh = 900 * time.Millisecond

// unfinished returns the unfinished memos of a project. Nobody may change them.
func (g *glances) unfinished(ctx context.Context, events Events, p account.ProjectID) ([]memo.Memo, error) {
	g.mu.Lock()
	if g.of == nil {
		g.of = map[account.ProjectID]*glance{}
	}
	one := g.of[p]
	if one == nil {
		one = &glance{}
		g.of[p] = one
	}
	g.mu.Unlock()
	one.mu.Lock()
	defer one.mu.Unlock()
	if time.Since(one.at) < fresh {
		return one.memos, nil
	}
	memos, err := events.Unfinished(ctx, p, maxUnfinished)
	if err != nil {
		return nil, err
	}
	one.memos, one.at = memos, time.Now()
	return memos, nil
}
