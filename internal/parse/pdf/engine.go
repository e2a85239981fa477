package pdf

import (
	"context"
	"fmt"
	"io"

	"github.com/klippa-app/go-pdfium"
	"github.com/klippa-app/go-pdfium/references"
	"github.com/klippa-app/go-pdfium/requests"
	"github.com/klippa-app/go-pdfium/webassembly"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
)

// memoryPages bounds what one document may take inside PDFium: 8192 pages of
// 64 KiB are 512 MiB. A document that wants more fails; nothing else does.
const memoryPages = 8192

// An engine is PDFium in a sandbox of its own: WebAssembly with no file system.
// It reads one document at a time, each in fresh memory. Its calls run under a
// context of its own, because that is the only way to stop one: cancel ends the
// engine for good, and the next document gets another.
type engine struct {
	pool   pdfium.Pool
	cancel context.CancelFunc
}

// newEngine starts an engine. Its compiled code comes from the cache.
func newEngine(ctx context.Context, cache wazero.CompilationCache) (*engine, error) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	pool, err := webassembly.Init(webassembly.Config{
		Context:  ctx,
		MaxTotal: 1,
		FSConfig: wazero.NewFSConfig(),
		Stdout:   io.Discard,
		Stderr:   io.Discard,
		RuntimeConfig: wazero.NewRuntimeConfig().
			WithCompilationCache(cache).
			WithCloseOnContextDone(true).
			WithMemoryLimitPages(memoryPages).
			// PDFium is built with exceptions; without the feature it does not load.
			WithCoreFeatures(api.CoreFeaturesV2 | experimental.CoreFeaturesExceptionHandling),
	})
	if err != nil {
		cancel()
		return nil, fmt.Errorf("start pdfium: %w", err)
	}
	return &engine{pool, cancel}, nil
}

// close ends the engine and frees its memory.
func (e *engine) close() error {
	e.cancel()
	return e.pool.Close()
}

// open opens a document and gives its pages to read, which returns before it is
// closed again. Whatever goes wrong inside PDFium comes back as an error.
func (e *engine) open(ctx context.Context, r io.ReaderAt, size int64, read func(*document) error) (err error) {
	stop := context.AfterFunc(ctx, e.cancel)
	defer stop()
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("pdfium panicked: %v", cause)
		}
	}()
	pdf, err := e.pool.GetInstanceWithContext(ctx)
	if err != nil {
		return fmt.Errorf("get a pdfium instance: %w", err)
	}
	defer func() {
		// An instance whose document went wrong cannot always be closed. That is
		// harmless: the engine goes with it.
		if closeErr := pdf.Close(); closeErr != nil && err == nil {
			err = fmt.Errorf("close the pdfium instance: %w", closeErr)
		}
	}()
	opened, err := pdf.OpenDocument(&requests.OpenDocument{
		FileReader:     io.NewSectionReader(r, 0, size),
		FileReaderSize: size,
	})
	if err != nil {
		return &openError{err}
	}
	count, err := pdf.FPDF_GetPageCount(&requests.FPDF_GetPageCount{Document: opened.Document})
	if err != nil {
		return fmt.Errorf("count pages: %w", err)
	}
	return read(&document{pdf, opened.Document, count.PageCount})
}

// An openError is PDFium's reason why it does not open a document. The engine is
// as good as before.
type openError struct{ cause error }

// Error returns the reason.
func (e *openError) Error() string { return "open: " + e.cause.Error() }

// Unwrap returns one of go-pdfium's errors.
func (e *openError) Unwrap() error { return e.cause }

// A document is an open PDF.
type document struct {
	pdf   pdfium.Pdfium
	ref   references.FPDF_DOCUMENT
	pages int
}

// text returns the text of a page as PDFium orders it, with CRLF after each line.
func (d *document) text(page int) (string, error) {
	loaded, err := d.pdf.FPDFText_LoadPage(&requests.FPDFText_LoadPage{
		Page: requests.Page{ByIndex: &requests.PageByIndex{Document: d.ref, Index: page}},
	})
	if err != nil {
		return "", fmt.Errorf("load page %d: %w", page+1, err)
	}
	count, err := d.pdf.FPDFText_CountChars(&requests.FPDFText_CountChars{TextPage: loaded.TextPage})
	if err != nil {
		return "", fmt.Errorf("count characters of page %d: %w", page+1, err)
	}
	if count.Count <= 0 {
		return "", d.closePage(loaded.TextPage)
	}
	got, err := d.pdf.FPDFText_GetText(&requests.FPDFText_GetText{TextPage: loaded.TextPage, Count: count.Count})
	if err != nil {
		return "", fmt.Errorf("read page %d: %w", page+1, err)
	}
	return got.Text, d.closePage(loaded.TextPage)
}

// closePage frees a page's text.
func (d *document) closePage(ref references.FPDF_TEXTPAGE) error {
	_, err := d.pdf.FPDFText_ClosePage(&requests.FPDFText_ClosePage{TextPage: ref})
	if err != nil {
		return fmt.Errorf("close a page: %w", err)
	}
	return nil
}
