// Package parse turns files into text: Markdown with headings, lists and tables
// where the file has them, and which page, slide or sheet each piece is from.
//
// The end of a file's name says of which family it is: a PDF, an office document, a
// picture, a mail, text. Inside a family its bytes decide, as people rename files: a
// Word document that is called .pptx is read as what it is. A file of another family
// is refused rather than guessed at: whoever sent report.pdf wants to know that it is
// a ZIP archive.
//
// Files come from strangers. Each is read under a deadline and within limits that
// are all options, a panic in a reader becomes the error of that file, and every
// error is a fault whose message a person can act on. What no recover catches is for
// [kvasir/internal/parse/worker], which reads in a process of its own. The readers
// are in the folders below, one for each family of formats, and know nothing of each
// other.
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
	// MaxNested is how deep files may be attached to attached files; 0 means 5.
	MaxNested int
	// PDFs is how many PDF files are read at the same time, some 50 MB each; 0
	// means 2.
	PDFs int
	// Timeout bounds the reading of one file; 0 means two minutes. The wait for
	// other PDF files does not count.
	Timeout time.Duration
	// NoOCR refuses pictures, and leaves out pages that are pictures of text.
	NoOCR bool
	// OCRLanguages are tesseract's names of what pictures may be in, such as
	// deu+eng; empty means those that are installed, but no more than four.
	OCRLanguages string
	// OCRTimeout bounds the recognizing of the pictures of one file beyond Timeout; 0
	// means 30 minutes.
	OCRTimeout time.Duration
}

// Filled returns the options with the defaults in place of zeros.
func (o Options) Filled() Options {
	o.MaxInput = cmp.Or(max(o.MaxInput, 0), 100<<20)
	o.MaxText = cmp.Or(max(o.MaxText, 0), 64<<20)
	o.MaxPages = cmp.Or(max(o.MaxPages, 0), 10_000)
	o.MaxUnpacked = cmp.Or(max(o.MaxUnpacked, 0), 256<<20)
	o.MaxNested = cmp.Or(max(o.MaxNested, 0), 5)
	o.Timeout = cmp.Or(max(o.Timeout, 0), 2*time.Minute)
	o.OCRTimeout = cmp.Or(max(o.OCRTimeout, 0), 30*time.Minute)
	return o
}

// A Parser reads files. It is safe for concurrent use.
type Parser struct {
	opts Options
	pdf  *pdf.Parser
	// inner is parseInner: the table of formats cannot refer to what refers to it.
	inner func(context.Context, Input) (memo.Parsed, error)
}

// New returns a parser. It starts nothing before the first PDF file.
func New(opts Options) *Parser {
	p := &Parser{opts: opts.Filled()}
	engine := pdf.Options{
		CacheDir:  p.opts.CacheDir,
		Instances: p.opts.PDFs,
		MaxPages:  p.opts.MaxPages,
		MaxText:   p.opts.MaxText,
		Timeout:   p.opts.Timeout,
	}
	if !p.opts.NoOCR {
		engine.Recognize = p.recognize
	}
	p.pdf = pdf.New(engine)
	p.inner = p.parseInner
	return p
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
	// Path is where Content lies on the disk, for who reads it in another process;
	// empty if it is not known.
	Path string
	// Progress is told how many pages are done of how many, if the file has pages;
	// nil for nobody.
	Progress func(done, total int)

	nested int // how many files it is inside of
}

// Check refuses what need not be read to be refused: by its name, its size and its
// first bytes.
func (p *Parser) Check(in Input) error {
	_, err := p.inspect(in)
	return err
}

// Light reports whether a file is read in next to no time and memory, by a reader
// that cannot fail: it is plain text, and not much of it.
func (p *Parser) Light(in Input) bool {
	f, err := p.inspect(in)
	return err == nil && in.Size <= f.light
}

// inspect returns the format of a file as far as its name and its first bytes tell.
func (p *Parser) inspect(in Input) (format, error) {
	f, err := formatOf(in.Name)
	if err != nil {
		return format{}, err
	}
	if in.Size > p.opts.MaxInput {
		return format{}, fault.New(fault.TooLarge,
			fmt.Sprintf("%s is larger than %s", path.Base(in.Name), inWords(p.opts.MaxInput)))
	}
	return f.judge(in)
}

// Parse reads a file. Errors are faults: Invalid for what the file is, TooLarge for
// what is over a limit. When ctx ends, so does Parse, with ctx's error.
func (p *Parser) Parse(ctx context.Context, in Input) (parsed memo.Parsed, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			parsed, err = memo.Parsed{}, fault.Wrap(fault.Invalid, path.Base(in.Name)+" cannot be read",
				fmt.Errorf("panic: %v\n%s", cause, debug.Stack()))
		}
	}()
	f, err := p.inspect(in)
	if err != nil {
		return memo.Parsed{}, err
	}
	if f, err = f.lookInside(in); err != nil {
		return memo.Parsed{}, err
	}
	within := ctx
	if !f.timed {
		var cancel context.CancelFunc
		within, cancel = context.WithTimeoutCause(ctx, f.timeout(&p.opts), errSlow)
		defer cancel()
	}
	parsed, err = f.read(within, p, in)
	if err == nil && within.Err() != nil {
		err = context.Cause(within)
	}
	if err != nil {
		return memo.Parsed{}, p.explain(ctx, f, in, err)
	}
	parsed = clean(parsed)
	switch {
	case parsed.Text == "":
		return memo.Parsed{}, fault.New(fault.Invalid, path.Base(in.Name)+" has no text")
	case len(parsed.Text) > p.opts.MaxText:
		return memo.Parsed{}, fault.New(fault.TooLarge,
			fmt.Sprintf("%s has more than %s of text", path.Base(in.Name), inWords(int64(p.opts.MaxText)))+advice)
	}
	return parsed, nil
}

var errSlow = errors.New("reading took longer than allowed")

// explain puts the file's name before what a reader says about it.
func (p *Parser) explain(ctx context.Context, f format, in Input, err error) error {
	switch {
	case ctx.Err() != nil:
		return err
	case errors.Is(err, errSlow):
		return fault.Wrap(fault.TooLarge,
			fmt.Sprintf("%s takes longer than %v to read", path.Base(in.Name), f.timeout(&p.opts))+advice, err)
	}
	because, ok := errors.AsType[*fault.Fault](err)
	switch {
	case !ok || because.Kind == fault.Unavailable:
		return err
	case because.Kind == fault.TooLarge && in.nested == 0:
		return fault.Wrap(because.Kind, path.Base(in.Name)+": "+because.Message+advice, because.Cause)
	}
	return fault.Wrap(because.Kind, path.Base(in.Name)+": "+because.Message, because.Cause)
}

// advice says what can be done about a file that is over a limit.
const advice = "; split the file, or have the limit raised (see kvasir serve --help)"

// Longest returns how long the reading of a file with such a name may take: until it
// is done or, if it has pages, until its next page is, and until all of them are.
func (o Options) Longest(name string) (step, total time.Duration) {
	o = o.Filled()
	f, err := formatOf(name)
	switch {
	case err != nil:
		return o.Timeout, o.Timeout
	case f.timed:
		return o.Timeout, o.Timeout + o.OCRTimeout
	}
	return f.timeout(&o), f.timeout(&o)
}

// inWords returns a number of bytes as a person reads it.
func inWords(bytes int64) string {
	if bytes < 1<<20 {
		return fmt.Sprintf("%d bytes", bytes)
	}
	return fmt.Sprintf("%d MB", bytes>>20)
}
