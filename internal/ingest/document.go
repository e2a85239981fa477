package ingest

import (
	"context"
	"fmt"
	"io"
	"path"
	"strings"
	"time"

	"kvasir/internal/fault"
	"kvasir/internal/memo"
)

// A Parser turns a document's bytes into Markdown. It tells how many pages are done
// of how many, if the document has pages.
type Parser func(
	ctx context.Context, file memo.File, body Original, progress func(done, total int),
) (memo.Parsed, error)

// A Page is what was loaded from the web.
type Page struct {
	Name     string // with an extension that says what it is
	MIMEType string
	Body     io.ReadCloser
}

// A Fetcher loads a page. What a later try may get is an Unavailable fault.
type Fetcher func(ctx context.Context, url string) (Page, error)

// Originals is where documents come from, and where they stay.
type Originals struct {
	Files Files
	Parse Parser
	Fetch Fetcher
}

// read gets the text of a memo that has none yet.
func (w *worker) read(ctx context.Context, j *job) error {
	if j.File == nil {
		if j.URL == "" {
			return fault.New(fault.Invalid, "The memo has neither content nor a file")
		}
		if err := w.load(ctx, j); err != nil {
			return err
		}
	}
	parsed, err := w.parseFile(ctx, j.Work)
	if err != nil {
		return err
	}
	parsed.Title = shorten(parsed.Title, titleUnits)
	if err := w.store.SaveParsed(ctx, j.Work, parsed, time.Now()); err != nil {
		return err
	}
	if j.Untitled && parsed.Title != "" {
		j.Title = parsed.Title
	}
	j.Content, j.Parts, j.Stage = &parsed.Text, parsed.Parts, memo.StageChunking
	return nil
}

// load stores a page's original.
func (w *worker) load(ctx context.Context, j *job) error {
	page, err := w.originals.Fetch(ctx, j.URL)
	if err != nil {
		return err
	}
	defer page.Body.Close()
	key := path.Join(string(j.Project), fmt.Sprint(j.Memo, "-", j.Generation))
	size, hash, err := w.originals.Files.Put(ctx, key, page.Body, w.opts.FileBytes)
	if err != nil {
		return err
	}
	j.File = &memo.File{Name: page.Name, MIMEType: page.MIMEType, Size: size, Blob: key, Hash: hash}
	if err := w.store.SaveFile(ctx, j.Work, *j.File, time.Now()); err != nil {
		w.discard(ctx, j.File)
		return err
	}
	j.Stage = memo.StageParsing
	return nil
}

// progressEvery is how often at most the pages done are stored.
const progressEvery = time.Second

// parseFile parses the memo's file into Markdown.
func (w *worker) parseFile(ctx context.Context, work memo.Work) (memo.Parsed, error) {
	release, err := w.takeParser(ctx)
	if err != nil {
		return memo.Parsed{}, err
	}
	defer release()
	body, err := w.originals.Files.Open(ctx, work.File.Blob)
	if err != nil {
		return memo.Parsed{}, fmt.Errorf("open original: %w", err)
	}
	defer body.Close()
	said := time.Now()
	return w.originals.Parse(ctx, *work.File, body, func(done, total int) {
		if time.Since(said) < progressEvery {
			return
		}
		said = time.Now()
		if err := w.store.SaveProgress(ctx, work, done, total); err != nil {
			w.log.DebugContext(ctx, "progress not stored", "memo", string(work.Memo), "error", err)
		}
	})
}

// titleUnits is how long a title may be, in UTF-16 units.
const titleUnits = 255

// shorten returns the beginning of a text, at most that many UTF-16 units.
func shorten(text string, units int) string {
	for i, r := range text {
		n := 1
		if r > 0xffff {
			n = 2
		}
		if units -= n; units < 0 {
			return strings.TrimSpace(text[:i])
		}
	}
	return text
}
