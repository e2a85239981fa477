package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"golang.org/x/sync/errgroup"

	"kvasir/internal/app"
	"kvasir/internal/config"
)

// A serveCommand serves the API.
type serveCommand struct {
	Config config.Config `embed:""`
}

// Help shows examples and tells of the variables.
func (serveCommand) Help() string {
	return `Serves the API until it is interrupted. The log goes to stderr; stdout has the
address and, if one was made, the API key.

Examples:

    kvasir serve
    kvasir serve --listen 127.0.0.1:8080 --data DIR
    OPENAI_API_KEY=sk-… kvasir serve

An option may also be set by the variable in brackets. Skald's variables for its
broker, its database and its cloud have no effect; LOG_LEVEL=debug tells which
are set.`
}

// Run serves.
func (c *serveCommand) Run(ctx context.Context, s *session) error {
	return s.serve(ctx, &c.Config, func(_ context.Context, a *app.App) error {
		s.out.printf("Kvasir serves at %s\n", a.URL())
		if key := a.NewKey(); !key.IsZero() {
			s.out.printf("API key, shown this once: %s\n", key.Reveal())
		}
		return nil
	})
}

// serve runs a server until ctx ends, and calls ready when it serves. An error
// of ready ends the server.
func (s *session) serve(ctx context.Context, cfg *config.Config, ready func(context.Context, *app.App) error) error {
	log := newLogger(cfg, s)
	for _, v := range s.env.Unused() {
		log.DebugContext(ctx, "variable has no effect", "variable", v.Name, "because", v.Why)
	}
	cfg.ReaderCommand = s.Reader
	a, err := app.New(ctx, *cfg, log)
	if err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return a.Run(ctx) })
	g.Go(func() error {
		select {
		case <-ctx.Done():
			return nil
		case <-a.Ready():
			return ready(ctx, a)
		}
	})
	if err := g.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}

// newLogger returns the log as it is configured, on stderr.
func newLogger(cfg *config.Config, s *session) *slog.Logger {
	options := &slog.HandlerOptions{Level: cfg.Level()}
	if cfg.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(s.err, options))
	}
	return slog.New(slog.NewTextHandler(s.err, options))
}
