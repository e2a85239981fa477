package pdf

import (
	"context"
	"fmt"
	"io"

	"github.com/klippa-app/go-pdfium"
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
	instance, err := e.pool.GetInstanceWithContext(ctx)
	if err != nil {
		return fmt.Errorf("get a pdfium instance: %w", err)
	}
	defer func() {
		// An instance whose document went wrong cannot always be closed. That is
		// harmless: the engine goes with it.
		if closeErr := instance.Close(); closeErr != nil && err == nil {
			err = fmt.Errorf("close the pdfium instance: %w", closeErr)
		}
	}()
	m, err := newMachine(context.WithoutCancel(ctx), instance)
	if err != nil {
		return err
	}
	d, err := newDocument(ctx, m, io.NewSectionReader(r, 0, size), size)
	if err != nil {
		return err
	}
	// The instance takes all its memory along; the document needs no closing.
	return read(d)
}

// An openError is PDFium's reason why it does not open a document. The engine is
// as good as before.
type openError struct{ code openCode }

// Error returns the reason.
func (e *openError) Error() string { return fmt.Sprintf("pdfium does not open it: code %d", e.code) }

// An openCode is what FPDF_GetLastError returns.
type openCode int

const (
	codePassword openCode = 4 // it is encrypted
	codeSecurity openCode = 5 // in a way that PDFium does not know
)
