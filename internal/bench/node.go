package bench

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"kvasir/client"
	"kvasir/internal/account"
	"kvasir/internal/provider/providertest"
	"kvasir/internal/store/postgres"
)

// A node is a server process of its own, with a provider in this one.
type node struct {
	*client.Client
	provider *providertest.Server
	process  *exec.Cmd
	began    time.Time
	started  time.Duration // until it served
	folder   string
	drop     func(context.Context) error // of its database
	log      bytes.Buffer
}

// startNode starts a server on an empty folder or database. The settings are
// variables, NAME=value.
func (o *ServerOptions) startNode(ctx context.Context, p providertest.Options, settings ...string) (n *node, err error) {
	n = &node{drop: func(context.Context) error { return nil }}
	defer func() {
		if err != nil {
			err = errors.Join(err, n.stop(context.WithoutCancel(ctx)))
		}
	}()
	if n.folder, err = os.MkdirTemp("", "kvasir-bench-"); err != nil {
		return n, err
	}
	p.Keep = -1
	n.provider = providertest.Start(p)
	key := account.NewKey().Reveal()
	n.process = exec.Command(o.Program[0], append(o.Program[1:], "serve", "--listen", "127.0.0.1:0", "--data",
		filepath.Join(n.folder, "data"))...)
	n.process.Env = append(os.Environ(), "KVASIR_API_KEY="+key, "EMBEDDING_PROVIDER=openai", "LLM_PROVIDER=openai",
		"OPENAI_API_KEY=sk-bench", "OPENAI_BASE_URL="+n.provider.BaseURL(), "LOG_LEVEL=warn", "KVASIR_MODELS=", "DATABASE_URL=")
	n.process.Env = append(n.process.Env, settings...)
	if o.DatabaseURL != "" {
		var scratch string
		if scratch, n.drop, err = postgres.Scratch(ctx, o.DatabaseURL); err != nil {
			return n, err
		}
		n.process.Env = append(n.process.Env, "DATABASE_URL="+scratch)
	}
	n.process.Stderr = &n.log
	stdout, err := n.process.StdoutPipe()
	if err != nil {
		return n, err
	}
	n.began = time.Now()
	if err := n.process.Start(); err != nil {
		return n, err
	}
	said, err := bufio.NewReader(stdout).ReadString('\n')
	_, url, ok := strings.Cut(strings.TrimSpace(said), "Kvasir serves at ")
	if err != nil || !ok {
		return n, fmt.Errorf("the server did not start: %s", n.log.String())
	}
	transport := &http.Transport{MaxIdleConnsPerHost: 1000}
	n.Client = client.New(url, key, &client.Options{HTTPClient: &http.Client{Transport: transport}})
	if _, err := n.Health(ctx); err != nil {
		return n, err
	}
	n.started = time.Since(n.began)
	return n, nil
}

// stop ends the server and leaves nothing behind.
func (n *node) stop(ctx context.Context) error {
	var errs []error
	if n.process != nil && n.process.Process != nil {
		errs = append(errs, n.process.Process.Signal(os.Interrupt))
		if err := n.process.Wait(); err != nil {
			errs = append(errs, fmt.Errorf("the server: %w\n%s", err, n.log.String()))
		}
	}
	if n.provider != nil {
		n.provider.Close()
	}
	return errors.Join(append(errs, n.drop(ctx), os.RemoveAll(n.folder))...)
}

// drained waits until every memo is processed.
func (n *node) drained(ctx context.Context) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		h, err := n.Health(ctx)
		if err != nil {
			return err
		}
		if h.Queue.Pending == 0 {
			if h.Queue.Errors > 0 {
				return fmt.Errorf("%d memos failed", h.Queue.Errors)
			}
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// resident returns the memory of the server's process in MB.
func (n *node) resident() float64 { return residentOf(strconv.Itoa(n.process.Process.Pid)) }
