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
)

const (
	// headerWithin bounds the arrival of a request's header: slow senders must
	// not hold connections. Bodies are bounded by each operation.
	headerWithin = 10 * time.Second
	// idleWithin closes connections that nobody uses.
	idleWithin = 2 * time.Minute
	// drainWithin is how long requests in progress may go on after a stop, before
	// their contexts are cancelled.
	drainWithin = 5 * time.Second
	// cutWithin is how long they may then take to store what they have.
	cutWithin = 5 * time.Second
)

// serve answers requests on l until ctx ends. Then it closes stopping, which
// streams without end watch, stops accepting, lets requests finish for a while,
// cancels the rest and waits for them.
func serve(
	ctx context.Context, l net.Listener, handler http.Handler, stopping chan<- struct{}, log *slog.Logger,
) error {
	requests, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cancel(nil)
	srv := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: headerWithin,
		IdleTimeout:       idleWithin,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		BaseContext:       func(net.Listener) context.Context { return requests },
	}
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serve: %w", err)
		}
		return nil
	})
	g.Go(func() error {
		<-gctx.Done()
		close(stopping)
		if stop(context.WithoutCancel(ctx), srv, drainWithin) == nil {
			return nil
		}
		cancel(errStopping)
		if err := stop(context.WithoutCancel(ctx), srv, cutWithin); err != nil {
			log.WarnContext(ctx, "requests cut off at stop", "error", err)
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
