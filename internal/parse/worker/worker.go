// Package worker reads documents in child processes of the same program.
//
// A document is made by a stranger, and a reader may have a bug that no recover
// catches: it loops, its stack overflows, it eats memory. A [Pool] hands documents
// to children, so that such a one costs its document alone: the child is ended, the
// document's error says why in words, and another child takes the next. What is
// plain text and small is read in this process: there is nothing to go wrong and
// much to save.
//
// A child is started when it is needed and not before, stays for further documents,
// and ends when there were none for a while. It is given the path of a document and
// nothing else: no secret is in its environment, no file is open. When its parent
// dies, its input ends, and it ends, too.
package worker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"time"

	"kvasir/internal/fault"
	"kvasir/internal/memo"
	"kvasir/internal/parse"
)

// Options are how a [Pool] works. Zero values mean the defaults.
type Options struct {
	// Command is the program that calls [Serve], and its arguments. Without one
	// everything is read in this process.
	Command []string
	// Parse bounds what a document may take, in whichever process.
	Parse parse.Options
	// Workers is how many documents are read at the same time; 0 means as many as
	// there are processors.
	Workers int
	// Memory is how many bytes a child may take; 0 means 1 GiB.
	Memory int64
	// Idle is how long a child stays without a document; 0 means 30 s.
	Idle time.Duration
	// Grace is how much longer than allowed a child may take before it is ended
	// rather than trusted to end by itself; 0 means 30 s.
	Grace time.Duration
	// TempDir is where documents are put that lie on no disk; empty means the
	// system's.
	TempDir string
}

// A Pool reads documents, each in a process of its own. It is safe for concurrent
// use.
type Pool struct {
	opts  Options
	local *parse.Parser
	slots chan struct{} // held while a child reads
	live  sync.WaitGroup

	mu     sync.Mutex
	idle   []*child // those used last are last
	closed bool
}

// New returns a pool. It starts nothing before the first document.
func New(opts Options) *Pool {
	opts.Workers = cmp.Or(max(opts.Workers, 0), runtime.GOMAXPROCS(0))
	opts.Memory = cmp.Or(max(opts.Memory, 0), 1<<30)
	opts.Idle = cmp.Or(max(opts.Idle, 0), 30*time.Second)
	opts.Grace = cmp.Or(max(opts.Grace, 0), 30*time.Second)
	opts.Parse = opts.Parse.Filled()
	if dir, err := filepath.Abs(cmp.Or(opts.TempDir, os.TempDir())); err == nil {
		opts.TempDir = dir // children have another working directory
	}
	return &Pool{opts: opts, local: parse.New(opts.Parse), slots: make(chan struct{}, opts.Workers)}
}

// Parse reads a document; see [parse.Parser.Parse]. The wait for other documents
// does not count as time of this one.
func (p *Pool) Parse(ctx context.Context, in parse.Input) (memo.Parsed, error) {
	if len(p.opts.Command) == 0 || p.local.Light(in) {
		return p.local.Parse(ctx, in)
	}
	if err := p.local.Check(in); err != nil { // needs no child
		return memo.Parsed{}, err
	}
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
	case <-ctx.Done():
		return memo.Parsed{}, ctx.Err()
	}
	if in.Path == "" {
		spooled, err := p.spool(ctx, in)
		if err != nil {
			return memo.Parsed{}, err
		}
		defer os.Remove(spooled)
		in.Path = spooled
	}
	for {
		c, err := p.take()
		if err != nil {
			return memo.Parsed{}, err
		}
		parsed, err := c.read(ctx, in)
		p.release(c)
		if errors.Is(err, errGone) && c.used && ctx.Err() == nil {
			continue // it had died while it was idle, through no fault of the document
		}
		return parsed, err
	}
}

// spool copies a document to the disk and returns where it is. The caller removes
// it.
func (p *Pool) spool(ctx context.Context, in parse.Input) (_ string, err error) {
	f, err := os.CreateTemp(p.opts.TempDir, "kvasir-parse-*")
	if err != nil {
		return "", fmt.Errorf("put %s on the disk: %w", path.Base(in.Name), err)
	}
	defer func() {
		if err = errors.Join(err, f.Close()); err != nil {
			err = errors.Join(fmt.Errorf("put %s on the disk: %w", path.Base(in.Name), err), os.Remove(f.Name()))
		}
	}()
	const step = 1 << 20
	for at := int64(0); at < in.Size; at += step {
		if err := ctx.Err(); err != nil {
			return "", err
		}
		if _, err := io.Copy(f, io.NewSectionReader(in.Content, at, min(step, in.Size-at))); err != nil {
			return "", err
		}
	}
	return f.Name(), nil
}

// take returns a child for one document.
func (p *Pool) take() (*child, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, fault.New(fault.Unavailable, "The server is shutting down")
	}
	if n := len(p.idle); n > 0 {
		c := p.idle[n-1]
		p.idle = p.idle[:n-1]
		c.leave.Stop()
		c.used = true
		return c, nil
	}
	c, err := p.start()
	if err != nil {
		return nil, err
	}
	p.live.Add(1)
	return c, nil
}

// release keeps a child for the next document, if it is sound.
func (p *Pool) release(c *child) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || c.ended {
		c.end()
		p.live.Done()
		return
	}
	c.leave = time.AfterFunc(p.opts.Idle, func() { p.dismiss(c) })
	p.idle = append(p.idle, c)
}

// dismiss ends a child that nobody has needed.
func (p *Pool) dismiss(c *child) {
	p.mu.Lock()
	i := slices.Index(p.idle, c)
	if i >= 0 {
		p.idle = slices.Delete(p.idle, i, i+1)
	}
	p.mu.Unlock()
	if i >= 0 {
		c.end()
		p.live.Done()
	}
}

// Close refuses further documents, waits for those that are being read, and ends
// the children. It is called once.
func (p *Pool) Close(ctx context.Context) error {
	p.mu.Lock()
	p.closed = true
	idle := p.idle
	p.idle = nil
	p.mu.Unlock()
	for _, c := range idle {
		c.leave.Stop()
		c.end()
		p.live.Done()
	}
	p.live.Wait()
	return p.local.Close(ctx)
}
