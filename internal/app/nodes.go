package app

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"kvasir/internal/dispatch"
	"kvasir/internal/llm"
)

const (
	// beat is how often a process says that it is there.
	beat = time.Second
	// absent is how long it may be silent before the others take over what it has.
	absent = 5 * time.Second
	// goodbye bounds how long it takes to hand that over at a stop.
	goodbye = 2 * time.Second
)

// onlyWatched serves what tells how a process fares, and nothing of tenants.
func onlyWatched(all http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch strings.TrimSuffix(strings.ToLower(r.URL.Path), "/") {
		case "/api/health", "/metrics":
			all.ServeHTTP(w, r)
		default:
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusNotFound)
			_, _ = io.WriteString(w, `{"error":"This process only works; ask one whose role is api or all"}`+"\n") // the client may be gone
		}
	})
}

// onDuty runs a job while this process is the one that does it for all, until ctx
// ends. The job's context ends when another process may have taken over.
func (a *App) onDuty(ctx context.Context, name string, job func(context.Context) error) error {
	for ctx.Err() == nil {
		ok, err := a.store.TakeDuty(ctx, name, a.node, absent)
		switch {
		case ok:
			if err := a.keepDuty(ctx, name, job); err != nil {
				return err
			}
		case err != nil && ctx.Err() == nil:
			a.log.WarnContext(ctx, "duty not taken", "duty", name, "error", err)
		}
		sleep(ctx, beat)
	}
	return nil
}

// alone runs a job that one process does for all: the only one there is, or the one
// that has the duty.
func (a *App) alone(ctx context.Context, name string, job func(context.Context) error) error {
	if a.cfg.DatabaseURL == "" {
		return job(ctx)
	}
	return a.onDuty(ctx, name, job)
}

// keepDuty runs the job and lengthens the duty meanwhile.
func (a *App) keepDuty(ctx context.Context, name string, job func(context.Context) error) error {
	within, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- job(within) }()
	last := time.Now()
	tick := time.NewTicker(beat)
	defer tick.Stop()
	for {
		select {
		case err := <-ended:
			within, cancel := context.WithTimeout(context.WithoutCancel(ctx), goodbye)
			defer cancel()
			if leaveErr := a.store.LeaveDuty(within, name, a.node); leaveErr != nil {
				a.log.WarnContext(ctx, "duty not handed over", "duty", name, "error", leaveErr)
			}
			return err
		case <-tick.C:
		}
		ok, err := a.store.TakeDuty(within, name, a.node, absent)
		if ok {
			last = time.Now()
		}
		if err == nil && !ok || time.Since(last) > absent-2*beat {
			cancel() // the job ends, and the loop with it
		}
	}
}

// shareLimits keeps to this process's part of the lanes' limits, until ctx ends. What
// it has not been told is its own for the moment, it does not use.
func (a *App) shareLimits(ctx context.Context) error {
	held := a.held(nil)
	a.dispatch.Grant(held)
	last := time.Now()
	for ctx.Err() == nil {
		mine := a.held(held)
		var due []llm.LaneShare
		began := time.Now()
		err := a.store.ShareLanes(ctx, absent, func(all []llm.LaneShare) (granted []llm.LaneShare) {
			granted, due = dispatch.Divide(mine, all)
			return granted
		})
		switch {
		case err == nil:
			held, last = due, began
			a.dispatch.Grant(held)
		case ctx.Err() == nil && time.Since(last) > absent-2*beat:
			a.log.WarnContext(ctx, "no part of the limits: the database does not answer", "error", err)
			held = a.held(nil)
			a.dispatch.Grant(held)
		}
		sleep(ctx, beat)
	}
	within, cancel := context.WithTimeout(context.WithoutCancel(ctx), goodbye)
	defer cancel()
	a.dispatch.Grant(a.held(nil))
	if err := a.store.LeaveLanes(within, a.node); err != nil {
		a.log.Log(ctx, slog.LevelWarn, "limits not handed over", "error", err)
	}
	return nil
}

// held returns what this process could use of each lane now, and the share that it is
// held to: what it was given last, or nothing.
func (a *App) held(given []llm.LaneShare) []llm.LaneShare {
	mine := a.dispatch.Demand()
	for i := range mine {
		mine[i].Node = a.node
		for _, g := range given {
			if g.Lane == mine[i].Lane {
				mine[i].Share = g.Share
			}
		}
	}
	return mine
}

// sleep waits, or until ctx ends.
func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
