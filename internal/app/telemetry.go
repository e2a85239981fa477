package app

import (
	"context"
	"net/http"

	"kvasir/internal/config"
	"kvasir/internal/dispatch"
	"kvasir/internal/telemetry"
)

// metrics answers scrapes; nil where the operator wants none.
func (a *App) metrics() http.Handler {
	if a.cfg.Metrics == config.Off {
		return nil
	}
	return a.telemetry.Handler(func(ctx context.Context) telemetry.State {
		s := measured(a.dispatch.Snapshot())
		ctx, cancel := context.WithTimeout(ctx, healthWithin)
		defer cancel()
		queue, err := a.queue(ctx)
		if err != nil {
			a.log.ErrorContext(ctx, "metrics: database does not answer", "error", err)
			return s
		}
		s.Memos = &telemetry.Memos{Pending: queue.Pending, Failed: queue.Errors}
		return s
	})
}

// measured returns what is measured of dispatch's pools.
func measured(pools []dispatch.PoolState) (s telemetry.State) {
	for _, p := range pools {
		s.Pools = append(s.Pools, telemetry.Pool{
			Kind: string(p.Kind), Name: p.Name, Waiting: p.Waiting, Tokens: p.WaitingTokens,
		})
		for _, l := range p.Lanes {
			s.Lanes = append(s.Lanes, telemetry.Lane{
				Kind: string(p.Kind), Name: l.Name(), State: l.State, InFlight: l.InFlight, Concurrency: l.Concurrency,
				Requests: telemetry.Limit{PerMinute: l.Requests.PerMinute, Left: l.Requests.Left},
				Tokens:   telemetry.Limit{PerMinute: l.Tokens.PerMinute, Left: l.Tokens.Left},
			})
		}
	}
	return s
}
