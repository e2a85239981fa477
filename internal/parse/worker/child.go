package worker

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"kvasir/internal/fault"
	"kvasir/internal/memo"
	"kvasir/internal/parse"
)

// A child is a process that reads documents, seen from its parent. One goroutine
// at a time uses it.
type child struct {
	opts  *Options
	cmd   *exec.Cmd
	in    io.WriteCloser
	out   *bufio.Reader
	said  *transcript // on stderr
	temp  string      // its folder for temporary files
	used  bool        // it has read a document before
	leave *time.Timer // while it is idle
	ended bool

	mu     sync.Mutex
	killed error // why
}

// passed are the variables that a child gets, if they are set: where programs and
// folders are, and what language the machine speaks.
var passed = [...]string{
	"PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TESSDATA_PREFIX", "XDG_CACHE_HOME",
	"SystemRoot", "SystemDrive", "USERPROFILE", "LocalAppData", "PATHEXT", "ComSpec",
}

// environment returns the variables of a child, which hold no secret.
func environment(temp string) []string {
	env := []string{"TMPDIR=" + temp, "TEMP=" + temp, "TMP=" + temp}
	for _, name := range passed {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// cannotStart is what documents wait for when the machine has no room for a process.
const cannotStart = "The reader of documents cannot be started"

// start starts a child.
func (p *Pool) start() (_ *child, err error) {
	c := &child{opts: &p.opts, said: &transcript{}}
	if c.temp, err = os.MkdirTemp(p.opts.TempDir, "kvasir-parser-*"); err != nil {
		return nil, fault.Wrap(fault.Unavailable, cannotStart, err)
	}
	defer func() {
		if err != nil {
			err = fault.Wrap(fault.Unavailable, cannotStart, errors.Join(err, os.RemoveAll(c.temp)))
		}
	}()
	c.cmd = &exec.Cmd{
		Path: self(p.opts.Command[0]), Args: p.opts.Command, Env: environment(c.temp), Dir: c.temp,
		Stderr: c.said, SysProcAttr: ownGroup(), WaitDelay: time.Second,
	}
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, errors.Join(err, c.in.Close())
	}
	c.out = bufio.NewReader(out)
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	// If the child is gone already, its first document tells.
	options := p.opts.Parse
	options.PDFs = 1
	_ = writeFrame(c.in, frameSetup, setup{Parse: options, Memory: p.opts.Memory})
	return c, nil
}

// kill ends the process and what it has started. The first reason counts.
func (c *child) kill(why error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.killed == nil {
		c.killed = why
	}
	killGroup(c.cmd.Process)
}

// end ends the process and cleans up after it. It may be called again.
func (c *child) end() {
	if c.ended {
		return
	}
	c.ended = true
	c.kill(errDismissed)
	_ = c.cmd.Wait() // it was killed: it says so
	_ = os.RemoveAll(c.temp)
}

var (
	errDismissed = errors.New("the parse worker is no longer needed")
	errGone      = errors.New("the parse worker is gone")
	errSlow      = errors.New("the parse worker took too long")
)

// read has the child read a document. After an error of the child itself it is
// ended.
func (c *child) read(ctx context.Context, in parse.Input) (memo.Parsed, error) {
	step, total := c.opts.Parse.Longest(in.Name)
	stop := context.AfterFunc(ctx, func() { c.kill(ctx.Err()) })
	// No page may take longer than a document without pages, and all of them
	// together no longer than the pictures of text that they may be.
	stuck := time.AfterFunc(step+c.opts.Grace, func() { c.kill(errSlow) })
	late := time.AfterFunc(total+c.opts.Grace, func() { c.kill(errSlow) })
	parsed, err := c.converse(in, func(n pages) {
		stuck.Reset(step + c.opts.Grace)
		if in.Progress != nil {
			in.Progress(n.Done, n.Total)
		}
	})
	sound := stop() && stuck.Stop() && late.Stop()
	if broken, ok := errors.AsType[*breach](err); ok {
		c.end()
		return memo.Parsed{}, c.explain(ctx, in, broken)
	}
	if !sound {
		stuck.Stop()
		late.Stop()
		c.end()
	}
	return parsed, err
}

// A breach is an end of the conversation before the child has answered.
type breach struct {
	received bool // the document
	cause    error
}

func (b *breach) Error() string { return "the parse worker broke off: " + b.cause.Error() }
func (b *breach) Unwrap() error { return b.cause }

// converse tells the child of a document and hears what becomes of it.
func (c *child) converse(in parse.Input, progress func(pages)) (memo.Parsed, error) {
	err := writeFrame(c.in, frameDocument, document{Name: in.Name, MIMEType: in.MIMEType, Path: in.Path, Size: in.Size})
	var parsed memo.Parsed
	received := false
	for err == nil {
		var kind byte
		var size int64
		if kind, size, err = readHead(c.out); err != nil {
			break
		}
		switch kind {
		case frameReceived:
			received = true
			_, err = c.out.Discard(int(min(size, maxFrame)))
		case framePages:
			var n pages
			if err = readValue(c.out, size, &n); err == nil {
				progress(n)
			}
		case frameText:
			parsed.Text, err = readText(c.out, size, int64(c.opts.Parse.MaxText))
		case frameOutcome:
			var o outcome
			if err = readValue(c.out, size, &o); err != nil {
				break
			}
			if o.Fault != nil {
				return memo.Parsed{}, o.Fault.err()
			}
			parsed.Title, parsed.Parts = o.Title, o.Parts
			return parsed, nil
		default:
			err = errFrame
		}
	}
	return memo.Parsed{}, &breach{received: received, cause: err}
}

// explain says in words why a child has ended over a document.
func (c *child) explain(ctx context.Context, in parse.Input, broken *breach) error {
	name := path.Base(in.Name)
	step, _ := c.opts.Parse.Longest(in.Name)
	state := c.cmd.ProcessState
	cause := fmt.Errorf("%w: %v: %s", broken, state, c.said)
	switch why := c.reason(); {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(why, errSlow):
		return fault.Wrap(fault.TooLarge,
			fmt.Sprintf("%s takes longer than %v to read", name, step), cause)
	case state.ExitCode() == exitMemory || c.said.contains(wantOfMemory[:]...):
		return fault.Wrap(fault.TooLarge,
			fmt.Sprintf("%s takes more memory than allowed (%s)", name, inWords(c.opts.Memory)), cause)
	case !broken.received:
		return fmt.Errorf("%w: %w", errGone, cause)
	case errors.Is(broken.cause, io.EOF) && wasKilled(state):
		return fault.Wrap(fault.TooLarge, name+" cannot be read: its reader was killed, maybe for want of memory", cause)
	}
	return fault.Wrap(fault.Invalid, name+" cannot be read: the reader crashed", cause)
}

// wantOfMemory is what the runtime says as it crashes for want of memory, and what the
// race detector says.
var wantOfMemory = [...]string{"out of memory", "cannot allocate memory", "failed to allocate"}

// reason returns why the parent has killed the child before it was done, if so.
func (c *child) reason() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.killed
}

// inWords returns a number of bytes as a person reads it.
func inWords(bytes int64) string {
	switch {
	case bytes >= 1<<30 && bytes%(1<<30) == 0:
		return fmt.Sprintf("%d GiB", bytes>>30)
	case bytes >= 1<<20:
		return fmt.Sprintf("%d MiB", bytes>>20)
	}
	return fmt.Sprintf("%d bytes", bytes)
}

// A transcript keeps the beginning and the end of what a child says. A crash begins
// with its reason.
type transcript struct {
	mu   sync.Mutex
	text []byte
}

const transcriptEnds = 4096 // bytes of each end

// Write implements io.Writer.
func (t *transcript) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	if over := len(t.text) - 2*transcriptEnds; over > 0 {
		t.text = slices.Delete(t.text, transcriptEnds, transcriptEnds+over)
	}
	return len(p), nil
}

// String returns what is kept.
func (t *transcript) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.text)
}

// contains reports whether the child has said one of the words.
func (t *transcript) contains(words ...string) bool {
	text := t.String()
	return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(text, w) })
}
