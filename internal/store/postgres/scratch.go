package postgres

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/jackc/pgx/v5"

	"kvasir/internal/fault"
)

// Scratch makes an empty database beside the one that a URL names, and returns its URL
// and what drops it. It is for measurements, which must not meet anybody's data.
func Scratch(ctx context.Context, address string) (scratch string, drop func(context.Context) error, err error) {
	config, err := pgx.ParseConfig(address)
	if err != nil {
		return "", nil, fault.New(fault.Invalid, "this is no postgres URL") // the cause may hold a password
	}
	name := "kvasir_scratch_" + strings.ToLower(rand.Text()[:10])
	run := func(ctx context.Context, statement string) (err error) {
		c, err := pgx.ConnectConfig(ctx, config)
		if err != nil {
			return explain(err)
		}
		defer func() { err = errors.Join(err, c.Close(ctx)) }()
		_, err = c.Exec(ctx, statement)
		return err
	}
	if err := run(ctx, "CREATE DATABASE "+name); err != nil {
		return "", nil, fmt.Errorf("make a database to measure with: %w", err)
	}
	u, err := url.Parse(address)
	if err != nil {
		return "", nil, errors.Join(fault.New(fault.Invalid, "this is no postgres URL"), run(ctx, "DROP DATABASE "+name))
	}
	u.Path = "/" + name
	return u.String(), func(ctx context.Context) error {
		return run(ctx, "DROP DATABASE "+name+" WITH (FORCE)")
	}, nil
}
