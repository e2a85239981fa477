// Package pdf reads PDF files as Markdown with PDFium, which runs as WebAssembly
// inside the process: no cgo, no helper program, and a hostile file can reach
// neither files nor memory outside its sandbox.
//
// PDFium says which characters, lines and links a page has and where; the package
// layout below this one makes sense of them. Pages that are pictures of text are
// drawn and given to a [Recognizer].
//
// The first document pays for compiling PDFium, which takes seconds; the result is
// kept in a directory, and from then on a process starts in a fraction of a second.
// [Parser.Warm] pays at a moment of the caller's choosing. A parser that has read
// nothing takes next to no memory.
package pdf

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tetratelabs/wazero"

	"kvasir/internal/fault"
	"kvasir/internal/memo"
	"kvasir/internal/parse/pdf/layout"
)

// Options configure a [Parser]. The zero value works.
type Options struct {
	// CacheDir is where the compiled code of PDFium is kept, 21 MB of it. Empty,
	// or if it cannot be written, each process compiles anew.
	CacheDir string
	// Instances is how many documents are read at the same time; further ones
	// wait. Each takes some 50 MB while it reads, more for large pictures. 0 means 2.
	Instances int
	// MaxPages is the most pages a document may have; 0 means 10,000.
	MaxPages int
	// MaxText is the most text in bytes that is taken; 0 means 64 MiB.
	MaxText int
	// Timeout bounds the reading of one document; 0 means two minutes. The
	// compiling of PDFium, the wait for an instance and Recognize do not count.
	Timeout time.Duration
	// Recognize reads pages that are pictures of text. Without it, and where it
	// fails, such pages are left out if others have text.
	Recognize Recognizer
	// MaxScans is the most pages that are recognized in a document; 0 means 1,000.
	MaxScans int
}

// A Parser reads PDF files. It is safe for concurrent use.
type Parser struct {
	opts    Options
	cache   func() wazero.CompilationCache
	started atomic.Bool   // the cache exists
	closing chan struct{} // closed by Close

	starting sync.Mutex // held while an engine is started

	// slots holds one entry for each document that may be read now: an engine
	// that waits, or nil for one to start. Who holds the entry owns the engine.
	slots chan *engine
}

// New returns a parser. It starts nothing before the first document.
func New(opts Options) *Parser {
	opts.Instances = cmp.Or(max(opts.Instances, 0), 2)
	opts.MaxPages = cmp.Or(max(opts.MaxPages, 0), 10_000)
	opts.MaxText = cmp.Or(max(opts.MaxText, 0), 64<<20)
	opts.MaxScans = cmp.Or(max(opts.MaxScans, 0), 1000)
	opts.Timeout = cmp.Or(max(opts.Timeout, 0), 2*time.Minute)
	p := &Parser{opts: opts, closing: make(chan struct{}), slots: make(chan *engine, opts.Instances)}
	p.cache = sync.OnceValue(func() wazero.CompilationCache {
		if opts.CacheDir != "" {
			if cache, err := wazero.NewCompilationCacheWithDir(opts.CacheDir); err == nil {
				return cache
			}
			// A folder that cannot be written costs time and nothing else.
		}
		return wazero.NewCompilationCache()
	})
	for range opts.Instances {
		p.slots <- nil
	}
	return p
}

// Warm compiles PDFium, or reads it from the cache, so that the first document
// does not wait for it.
func (p *Parser) Warm(ctx context.Context) error {
	e, err := p.take(ctx)
	if err != nil {
		return err
	}
	p.slots <- e
	return nil
}

// Close refuses further documents, waits for those that are being read and frees
// all memory. It is called once.
func (p *Parser) Close(ctx context.Context) error {
	close(p.closing)
	var errs []error
	for range p.opts.Instances {
		if e := <-p.slots; e != nil {
			errs = append(errs, e.close())
		}
	}
	if p.started.Load() {
		errs = append(errs, p.cache().Close(ctx))
	}
	return errors.Join(errs...)
}

// take waits for a slot and returns its engine, started if need be.
func (p *Parser) take(ctx context.Context) (*engine, error) {
	var e *engine
	select {
	case e = <-p.slots:
	case <-p.closing:
		return nil, fault.New(fault.Unavailable, "The server is shutting down")
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if e != nil {
		return e, nil
	}
	p.started.Store(true)
	e, err := p.start(ctx)
	if err != nil {
		p.slots <- nil
		return nil, err
	}
	return e, nil
}

// start starts engines one after the other: wazero gives code that it has just loaded
// to another one before it is complete.
func (p *Parser) start(ctx context.Context) (*engine, error) {
	p.starting.Lock()
	defer p.starting.Unlock()
	return newEngine(ctx, p.cache())
}

// Read reads the PDF of size bytes as Markdown, each page a part. progress, if it
// is not nil, is called after each page. When ctx ends, reading stops at once,
// wherever it is. Errors are faults in words for the person who brought the file.
func (p *Parser) Read(
	ctx context.Context, r io.ReaderAt, size int64, progress func(done, total int),
) (memo.Parsed, error) {
	e, err := p.take(ctx)
	if err != nil {
		return memo.Parsed{}, err
	}
	bounded, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watch := &clock{time.AfterFunc(p.opts.Timeout, func() { cancel(errSlow) }), p.opts.Timeout}
	defer watch.timer.Stop()
	var parsed memo.Parsed
	err = e.open(bounded, r, size, func(d *document) error {
		scans := &scanner{recognize: p.opts.Recognize, max: p.opts.MaxScans, patient: watch.pause}
		parsed, err = p.read(bounded, d, scans, progress)
		return err
	})
	healthy := err == nil
	if opened, ok := errors.AsType[*openError](err); ok {
		healthy = bounded.Err() == nil && opened != nil
	}
	if !healthy {
		// Whatever it died of, the engine may be damaged. The error that matters is
		// known; what closing it says adds nothing.
		_ = e.close()
		e = nil
	}
	p.slots <- e
	return parsed, p.explain(bounded, err)
}

var (
	errSlow     = errors.New("reading took longer than allowed")
	errScans    = errors.New("more scanned pages than allowed")
	errPages    = errors.New("more pages than allowed")
	errTooLong  = errors.New("more text than allowed")
	errNoText   = errors.New("no page has text")
	errScanned  = errors.New("all pages are pictures")
	errNoPage   = errors.New("the document has no pages")
	errBadPages = errors.New("no page can be read")
)

// explain turns an error of reading into a fault.
func (p *Parser) explain(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(context.Cause(ctx), errSlow):
		return fault.Wrap(fault.TooLarge,
			fmt.Sprintf("The PDF takes longer than %v to read", p.opts.Timeout), err)
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, errPages):
		return fault.Wrap(fault.TooLarge, fmt.Sprintf("The PDF has more than %d pages", p.opts.MaxPages), err)
	case errors.Is(err, errTooLong):
		return fault.Wrap(fault.TooLarge, fmt.Sprintf("The PDF has more than %d bytes of text", p.opts.MaxText), err)
	case errors.Is(err, errScans):
		return fault.Wrap(fault.TooLarge, fmt.Sprintf("The PDF has more than %d scanned pages", p.opts.MaxScans), err)
	case errors.Is(err, errScanned):
		advice := "Recognize their text (OCR) first"
		if f, ok := errors.AsType[*fault.Fault](err); ok {
			advice = f.Message
		}
		return fault.Wrap(fault.Invalid, "The PDF has no text: its pages are scanned images. "+advice, err)
	case errors.Is(err, errNoText):
		return fault.Wrap(fault.Invalid, "The PDF has no text", err)
	case isEncrypted(err):
		return fault.Wrap(fault.Invalid, "The PDF is encrypted. Remove its password and try again", err)
	}
	return fault.Wrap(fault.Invalid, "The PDF is damaged and cannot be read", err)
}

// read reads all pages. One that cannot be read is left out if there are others.
func (p *Parser) read(
	ctx context.Context, d *document, scans *scanner, progress func(done, total int),
) (memo.Parsed, error) {
	switch {
	case d.pages <= 0:
		return memo.Parsed{}, errNoPage
	case d.pages > p.opts.MaxPages:
		return memo.Parsed{}, errPages
	}
	quick := context.WithoutCancel(ctx)
	got := layout.Document{Title: d.title(quick), Outline: d.outline(quick)}
	var broken error
	size := 0
	for i := range d.pages {
		n, err := d.read(ctx, i, scans, &got)
		switch {
		case ctx.Err() != nil:
			return memo.Parsed{}, context.Cause(ctx)
		case errors.Is(err, errPage):
			broken = errors.Join(errBadPages, err)
			got.Add(nil)
		case err != nil:
			return memo.Parsed{}, err
		}
		if size += n; size > p.opts.MaxText {
			return memo.Parsed{}, errTooLong
		}
		if progress != nil {
			progress(i+1, d.pages)
		}
	}
	parsed, fits := got.Markdown(p.opts.MaxText)
	switch {
	case !fits:
		return memo.Parsed{}, errTooLong
	case parsed.Text == "" && scans.scans > 0:
		return memo.Parsed{}, errors.Join(errScanned, scans.skipped)
	case parsed.Text == "":
		return memo.Parsed{}, cmp.Or(broken, errNoText)
	}
	return parsed, nil
}

// read adds a page to what was got, recognized if it is a scan, and returns how many
// bytes of text it has.
func (d *document) read(ctx context.Context, index int, scans *scanner, got *layout.Document) (int, error) {
	page, err := d.page(ctx, index)
	if err != nil {
		return 0, err
	}
	if page.isScan() {
		text, err := scans.read(ctx, d, index)
		if err != nil {
			return 0, err
		}
		if text != "" {
			return got.AddText(text), nil
		}
	}
	return got.Add(&page.Page), nil
}

// isEncrypted reports whether PDFium refuses the document for want of a password.
func isEncrypted(err error) bool {
	opened, ok := errors.AsType[*openError](err)
	return ok && (opened.code == codePassword || opened.code == codeSecurity)
}
