package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"kvasir/internal/api"
	"kvasir/internal/config"
)

const (
	// maxHeader bounds a request's header.
	maxHeader = 64 << 10
	// drainWithin is how long requests in progress may go on after a stop, before
	// their contexts are cancelled.
	drainWithin = 5 * time.Second
	// cutWithin is how long they may then take to store what they have.
	cutWithin = 5 * time.Second
)

// serve answers requests until ctx ends. Then it closes a.stopping, which streams
// without end watch, stops accepting, lets requests finish for a while, cancels the
// rest and waits for them.
func (a *App) serve(ctx context.Context) error {
	requests, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cancel(nil)
	doors := newDoors(a.listener, a.cfg.MaxConnections, a.cfg.StallTimeout)
	srv := &http.Server{
		Handler:           doors.through(a.handler),
		ReadHeaderTimeout: a.cfg.HeaderTimeout, // bodies have the pace of package guard
		IdleTimeout:       a.cfg.IdleTimeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(a.log.Handler(), slog.LevelDebug),
		BaseContext:       func(net.Listener) context.Context { return requests },
		ConnContext:       withConnection,
		ConnState:         doors.state,
	}
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		if err := srv.Serve(doors); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serve: %w", err)
		}
		return nil
	})
	g.Go(func() error {
		<-gctx.Done()
		close(a.stopping)
		if stop(context.WithoutCancel(ctx), srv, drainWithin) == nil {
			return nil
		}
		cancel(errStopping)
		if err := stop(context.WithoutCancel(ctx), srv, cutWithin); err != nil {
			a.log.WarnContext(ctx, "requests cut off at stop", "error", err)
			return srv.Close()
		}
		return nil
	})
	return g.Wait()
}

// errStopping is why a request's context ends at a stop.
var errStopping = errors.New("the server is stopping")

func stop(ctx context.Context, srv *http.Server, within time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	return srv.Shutdown(ctx)
}

// rates are how often one may call.
func rates(cfg *config.Config) api.Rates {
	requests, questions := cfg.AddressRates()
	return api.Rates{
		Address: requests, AddressQuestions: questions,
		Key: cfg.KeyRate, KeyQuestions: cfg.KeyQuestionRate,
	}
}
