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
	return cmp.Or(err, failed)
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

// ownServer returns a server with the models of the environment, and nothing else of
// it: the database, the address and the files of a server that is in use are not for a
// measurement, nor are its rate limits.
func (e *evaluation) ownServer() (*upCommand, error) {
	up, err := configured(e.Environ)
	if err != nil {
		return nil, err
	}
	plain, err := configured([]string{"HOME=.", "LocalAppData=."})
	if err != nil {
		return nil, err
	}
	plain.Config.LogLevel, plain.Config.LogFormat = up.Config.LogLevel, up.Config.LogFormat
	up.Config.Server, up.Config.Web, up.Config.Originals = plain.Config.Server, plain.Config.Web, plain.Config.Originals
	up.Config.Listen = "127.0.0.1:0"
	up.Config.Data = e.Data
	up.Config.APIKey = e.Key
	if e.Data == "" {
		return up, nil
	}
	return up, up.recallKey()
}

// configured returns what up would run in an environment.
func configured(environ []string) (*upCommand, error) {
	up := &upCommand{}
	env := config.NewEnvironment(environ)
	parser, err := kong.New(up, append(env.Options(), kong.Name("kvasir"), kong.Vars{"level": "warn"})...)
	if err != nil {
		return nil, err
	}
	if _, err = parser.Parse(nil); err != nil || env.Err() != nil {
		return nil, fmt.Errorf("%w: %w", errConfiguration, errors.Join(env.Err(), err))
	}
	return up, nil
}
