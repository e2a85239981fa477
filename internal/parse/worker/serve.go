package worker

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"time"

	"kvasir/internal/memo"
	"kvasir/internal/parse"
)

// The exit statuses by which a child says why it ended.
const (
	exitMemory   = 77
	exitOrphaned = 78
)

const (
	// watchEvery is how often a child looks at its memory.
	watchEvery = 50 * time.Millisecond
	// progressEvery is how often at most a child tells of pages.
	progressEvery = 50 * time.Millisecond
	// orphanLife is how long a child without a parent may take to end by itself.
	orphanLife = time.Second
	// maxStack is how deep a reader may recurse: Go's own bound of 1 GB would take
	// the memory of the document.
	maxStack = 128 << 20
	// keptMemory is how much a child may hold between two documents.
	keptMemory = 128 << 20
)

// Serve is the whole life of a child: it reads the documents that a [Pool] names on
// stdin and answers on stdout, until stdin ends. It ends the process when a document
// takes too much memory, or does not let go when the parent is gone.
func Serve(ctx context.Context, stdin io.Reader, stdout io.Writer) error {
	in := bufio.NewReader(stdin)
	var s setup
	if err := expect(in, frameSetup, &s); err != nil {
		return fmt.Errorf("read setup: %w", err)
	}
	debug.SetMaxStack(maxStack)
	debug.SetMemoryLimit(s.Memory - s.Memory/8)
	confine(s.Memory)
	defer context.AfterFunc(ctx, func() { os.Exit(exitOrphaned) })()

	reading, cancel := context.WithCancel(ctx)
	v := &server{parser: parse.New(s.Parse), memory: s.Memory, out: bufio.NewWriter(stdout)}
	documents := make(chan document, 1)
	var done sync.WaitGroup
	done.Go(func() {
		for d := range documents {
			v.serve(reading, d)
		}
	})
	// Whoever reads a document cannot hear that the parent is gone, so this
	// goroutine listens all the time.
	var err error
	for err == nil {
		var d document
		if err = expect(in, frameDocument, &d); err == nil {
			documents <- d
		}
	}
	cancel()
	close(documents)
	last := time.AfterFunc(orphanLife, func() { endGroup(exitOrphaned) })
	defer last.Stop()
	done.Wait()
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return errors.Join(err, v.parser.Close(context.WithoutCancel(ctx)))
}

// expect reads one frame, which has to be of the given kind.
func expect(r io.Reader, want byte, into any) error {
	kind, size, err := readHead(r)
	if err != nil {
		return err
	}
	if kind != want {
		return errFrame
	}
	return readValue(r, size, into)
}

// A server reads documents, one after the other.
type server struct {
	parser *parse.Parser
	memory int64

	mu  sync.Mutex // readers may tell of pages from goroutines of their own
	out *bufio.Writer
}

// serve reads one document and says what became of it. If nobody listens any more,
// stdin ends, too.
func (v *server) serve(ctx context.Context, d document) {
	_ = v.send(frameReceived, struct{}{})
	watching, stop := context.WithCancel(ctx)
	var watch sync.WaitGroup
	watch.Go(func() { v.watch(watching) })
	parsed, err := v.parse(ctx, d)
	stop()
	watch.Wait()
	o := outcome{Title: parsed.Title, Parts: parsed.Parts}
	if err != nil {
		o.Fault = asFailure(err)
	} else {
		_ = v.sendText(parsed.Text)
	}
	_ = v.send(frameOutcome, o)
	if mapped() > keptMemory {
		debug.FreeOSMemory()
	}
}

// parse reads one document.
func (v *server) parse(ctx context.Context, d document) (memo.Parsed, error) {
	f, err := os.Open(d.Path)
	if err != nil {
		return memo.Parsed{}, err
	}
	defer f.Close()
	var told time.Time
	return v.parser.Parse(ctx, parse.Input{
		Name: d.Name, MIMEType: d.MIMEType, Path: d.Path, Content: f, Size: d.Size,
		Progress: func(done, total int) {
			if done < total && time.Since(told) < progressEvery {
				return
			}
			told = time.Now()
			_ = v.send(framePages, pages{Done: done, Total: total})
		},
	})
}

// send writes a frame.
func (v *server) send(kind byte, value any) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	return errors.Join(writeFrame(v.out, kind, value), v.out.Flush())
}

// sendText writes the text.
func (v *server) sendText(text string) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	return errors.Join(writeBytes(v.out, frameText, text), v.out.Flush())
}

// watch ends the process when it takes more memory than it may. The runtime has
// collected what it can by then: it aims at less.
func (v *server) watch(ctx context.Context) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if mapped() > v.memory {
				os.Exit(exitMemory)
			}
		}
	}
}

// mapped returns how many bytes of memory the process holds.
func mapped() int64 {
	sample := []metrics.Sample{
		{Name: "/memory/classes/total:bytes"},
		{Name: "/memory/classes/heap/released:bytes"},
	}
	metrics.Read(sample)
	return int64(sample[0].Value.Uint64() - sample[1].Value.Uint64())
}
