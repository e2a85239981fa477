package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/alecthomas/kong"

	"kvasir/internal/app"
	"kvasir/internal/config"
)

// serveAndMeasure measures a server of its own.
func (e *evaluation) serveAndMeasure(ctx context.Context) (err error) {
	up, err := e.ownServer()
	if err != nil {
		return err
	}
	if e.Data == "" {
		up.Config.Data, err = os.MkdirTemp("", "kvasir-eval-")
		if err != nil {
			return err
		}
		defer func() { err = cmp.Or(err, os.RemoveAll(up.Config.Data)) }()
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var failed error // kept apart, as an interruption is a good end for a server
	err = e.serve(ctx, &up.Config, func(ctx context.Context, a *app.App) error {
		defer stop() // the server has done its work
		failed = e.measureOwn(ctx, up, a)
		return nil
	})
	return cmp.Or(failed, err)
}

// measureOwn measures a server that has just begun to serve.
func (e *evaluation) measureOwn(ctx context.Context, up *upCommand, a *app.App) error {
	if err := up.rememberKey(a); err != nil {
		return err
	}
	if up.Config.APIKey == "" {
		return fmt.Errorf("%w: %s has a key of its own already: set KVASIR_API_KEY to it", errConfiguration, e.Data)
	}
	v := server{URL: a.URL(), Key: up.Config.APIKey}
	return e.measure(ctx, v.client(e.session))
}

// ownServer returns a server as the environment has it, but for what would have it
// share anything with one that is in use.
func (e *evaluation) ownServer() (*upCommand, error) {
	up := &upCommand{}
	env := config.NewEnvironment(e.Environ)
	parser, err := kong.New(up, append(env.Options(), kong.Name("kvasir"), kong.Vars{"level": "warn"})...)
	if err != nil {
		return nil, err
	}
	if _, err := parser.Parse(nil); err != nil || env.Err() != nil {
		return nil, fmt.Errorf("%w: %w", errConfiguration, errors.Join(env.Err(), err))
	}
	up.Config.Listen = "127.0.0.1:0"
	up.Config.Data = e.Data
	up.Config.APIKey = e.Key
	up.Config.Blob = "disk"
	up.Config.Security = config.Off // a rate limit would be measured
	if e.Data == "" {
		return up, nil
	}
	return up, up.recallKey()
}
