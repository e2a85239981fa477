package pdf

import (
	"context"
	"errors"
	"image"
	"strings"
	"time"
	"unicode"

	"kvasir/internal/fault"
	"kvasir/internal/parse/pdf/layout"
)

// A Recognizer reads the text of a page that was drawn at a resolution. Paragraphs
// have blank lines between them.
type Recognizer func(ctx context.Context, page *image.Gray, dpi int) (string, error)

// isScan reports whether the page is a picture of text: one without characters, or
// with a stamp beside a picture that fills the page, or with characters that stand
// for nothing.
func (p *page) isScan() bool {
	letters, garbage := 0, 0
	for _, g := range p.Glyphs {
		for _, r := range g.Runes {
			switch {
			case r == unicode.ReplacementChar, unicode.Is(unicode.Co, r) && layout.Clean(r) == r,
				unicode.IsControl(r) && r != 0x02:
				garbage++
			case unicode.IsLetter(r) || unicode.IsDigit(r):
				letters++
			}
		}
	}
	switch {
	case garbage > letters && garbage > 10:
		return true
	case letters < 10:
		return p.images > 0.05 || garbage > 0
	}
	return letters < 60 && p.images > 0.7
}

// scanDPI is the resolution at which a page is drawn to be recognized. Tesseract was
// trained on letters of some 30 pixels, which type of ten points has at 300 dpi.
const scanDPI = 300

// A scanner recognizes the pages of one document.
type scanner struct {
	recognize Recognizer
	max       int
	// patient stops the clock of the document while a page is recognized, which takes
	// its own time, and starts it anew.
	patient func(work func() error) error
	scans   int
	skipped error // why a page was left out
}

// read returns the text of a scanned page.
func (s *scanner) read(ctx context.Context, d *document, index int) (string, error) {
	s.scans++
	if s.recognize == nil || s.skipped != nil {
		return "", nil
	}
	if s.scans > s.max {
		return "", errScans
	}
	picture, err := d.picture(ctx, index, scanDPI)
	if err != nil {
		return "", err
	}
	var text string
	err = s.patient(func() (err error) {
		text, err = s.recognize(ctx, picture, scanDPI)
		return err
	})
	if f, ok := errors.AsType[*fault.Fault](err); ok && ctx.Err() == nil {
		// The other pages are worth having without this one.
		s.skipped = f
		return "", nil
	}
	return strings.TrimSpace(text), err
}

// A clock ends a context when reading takes too long. It can be stopped.
type clock struct {
	timer *time.Timer
	limit time.Duration
}

// pause stops the clock while work runs and starts it anew.
func (c *clock) pause(work func() error) error {
	if !c.timer.Stop() {
		return errSlow
	}
	defer c.timer.Reset(c.limit)
	return work()
}
