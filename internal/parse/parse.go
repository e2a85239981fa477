// Package parse turns files into text: Markdown with headings, lists and tables
// where the file has them.
//
// The end of a file's name says what it should be, and its first bytes whether it
// is. A file that lies about itself is refused rather than guessed at: whoever sent
// report.pdf wants to know that it is a ZIP archive.
//
// Files come from strangers. Each is read under a deadline and within limits that
// are all options, a panic in a reader becomes the error of that file, and every
// error is a fault whose message a person can act on. PDF files are read by
// [kvasir/internal/parse/pdf], office files by [kvasir/internal/parse/office], web
// pages by [kvasir/internal/parse/html].
package parse

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"runtime/debug"
	"time"

	"kvasir/internal/fault"
	"kvasir/internal/memo"
	"kvasir/internal/parse/pdf"
)

// Options bound what a file may take. The zero value works.
type Options struct {
	// CacheDir is where the compiled PDF reader is kept between starts, 21 MB;
	// empty compiles it in every process that reads a PDF, which takes seconds.
	CacheDir string
	// MaxInput is the largest file in bytes; 0 means 100 MiB.
	MaxInput int64
	// MaxText is the longest text in bytes that a file may give; 0 means 64 MiB.
	MaxText int
	// MaxPages is the most pages of a PDF; 0 means 10,000.
	MaxPages int
	// MaxUnpacked is how many bytes an office file may unpack to; 0 means 256 MiB.
	MaxUnpacked int64
	// PDFs is how many PDF files are read at the same time, some 50 MB each; 0
	// means 2.
	PDFs int
	// Timeout bounds the reading of one file; 0 means two minutes. The wait for
	// other PDF files does not count.
	Timeout time.Duration
}

// A Parser reads files. It is safe for concurrent use.
type Parser struct {
	opts Options
	pdf  *pdf.Parser
}

// New returns a parser. It starts nothing before the first PDF file.
func New(opts Options) *Parser {
	opts.MaxInput = cmp.Or(max(opts.MaxInput, 0), 100<<20)
	opts.MaxText = cmp.Or(max(opts.MaxText, 0), 64<<20)
	opts.Timeout = cmp.Or(max(opts.Timeout, 0), 2*time.Minute)
	return &Parser{opts: opts, pdf: pdf.New(pdf.Options{
		CacheDir:  opts.CacheDir,
		Instances: opts.PDFs,
		MaxPages:  opts.MaxPages,
		MaxText:   opts.MaxText,
		Timeout:   opts.Timeout,
		Recognize: recognize,
	})}
}

// Warm prepares the PDF reader, so that the first PDF file does not wait for it.
func (p *Parser) Warm(ctx context.Context) error { return p.pdf.Warm(ctx) }

// Close waits for PDF files that are being read and frees all memory. It is called
// once, after which PDF files are refused.
func (p *Parser) Close(ctx context.Context) error { return p.pdf.Close(ctx) }

// An Input is a file to read.
type Input struct {
	Name     string // its end says what the file is, as in [Allowed]
	MIMEType string // may name a character set; else it is not needed
	Content  io.ReaderAt
	Size     int64 // bytes of Content
	// Progress is told how many pages are done of how many, if the file has pages;
	// nil for nobody.
	Progress func(done, total int)
}

// Parse reads a file. Errors are faults: Invalid for what the file is, TooLarge for
// what is over a limit. When ctx ends, so does Parse, with ctx's error.
func (p *Parser) Parse(ctx context.Context, in Input) (parsed memo.Parsed, err error) {
	f, err := formatOf(in.Name)
	if err != nil {
		return memo.Parsed{}, err
	}
	if in.Size > p.opts.MaxInput {
		return memo.Parsed{}, fault.New(fault.TooLarge,
			fmt.Sprintf("%s is larger than %s", path.Base(in.Name), inWords(p.opts.MaxInput)))
	}
	if err := f.check(in); err != nil {
		return memo.Parsed{}, err
	}
	defer func() {
		if cause := recover(); cause != nil {
			parsed, err = memo.Parsed{}, fault.Wrap(fault.Invalid, path.Base(in.Name)+" cannot be read",
				fmt.Errorf("panic: %v\n%s", cause, debug.Stack()))
		}
	}()
	within := ctx
	if !f.timed {
		var cancel context.CancelFunc
		within, cancel = context.WithTimeoutCause(ctx, p.opts.Timeout, errSlow)
		defer cancel()
	}
	parsed, err = f.read(within, p, in)
	if err == nil && within.Err() != nil {
		err = context.Cause(within)
	}
	if err != nil {
		return memo.Parsed{}, p.explain(ctx, in, err)
	}
	parsed = clean(parsed)
	switch {
	case parsed.Text == "":
		return memo.Parsed{}, fault.New(fault.Invalid, path.Base(in.Name)+" has no text")
	case len(parsed.Text) > p.opts.MaxText:
		return memo.Parsed{}, fault.New(fault.TooLarge,
			fmt.Sprintf("%s has more than %s of text", path.Base(in.Name), inWords(int64(p.opts.MaxText))))
	}
	return parsed, nil
}

var errSlow = errors.New("reading took longer than allowed")

// explain puts the file's name before what a reader says about it.
func (p *Parser) explain(ctx context.Context, in Input, err error) error {
	switch {
	case ctx.Err() != nil:
		return err
	case errors.Is(err, errSlow):
		return fault.Wrap(fault.TooLarge,
			fmt.Sprintf("%s takes longer than %v to read", path.Base(in.Name), p.opts.Timeout), err)
	}
	if f, ok := errors.AsType[*fault.Fault](err); ok && f.Kind != fault.Unavailable {
		return fault.Wrap(f.Kind, path.Base(in.Name)+": "+f.Message, f.Cause)
	}
	return err
}

// inWords returns a number of bytes as a person reads it.
func inWords(bytes int64) string {
	if bytes < 1<<20 {
		return fmt.Sprintf("%d bytes", bytes)
	}
	return fmt.Sprintf("%d MB", bytes>>20)
}
