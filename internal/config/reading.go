package config

import (
	"errors"
	"regexp"
	"time"
)

// languages is how tesseract is told of languages: names of files, joined.
var languages = regexp.MustCompile(`^[a-z][A-Za-z0-9_]*(\+[a-z][A-Za-z0-9_]*)*$`)

// reads checks the bounds on the reading of documents.
func (r *Reading) reads(add func(string, error)) {
	add("KVASIR_PARSE_WORKERS", between(r.ParseWorkers, 0, maxParsers))
	add("KVASIR_PARSE_TIMEOUT", between(r.ParseTimeout, time.Second, 24*time.Hour))
	add("KVASIR_PARSE_MEMORY", between(r.ParseMemory, minParseMemory, maxBytes))
	add("KVASIR_MAX_PAGES", between(r.MaxPages, 1, maxPages))
	add("KVASIR_MAX_TEXT_BYTES", between(r.MaxTextBytes, 1, maxTextBytes))
	add("KVASIR_MAX_UNPACKED_BYTES", between(r.MaxUnpackedBytes, 1, maxBytes))
	add("KVASIR_MAX_NESTED", between(r.MaxNested, 1, maxNested))
	add("KVASIR_OCR_TIMEOUT", between(r.OCRTimeout, time.Second, 24*time.Hour))
	if r.OCRLanguages != "" && !languages.MatchString(r.OCRLanguages) {
		add("KVASIR_OCR_LANGUAGES", errors.New("languages are written as tesseract names them, such as eng or eng+deu"))
	}
}

const (
	maxParsers     = 1024
	minParseMemory = 128 << 20 // the reader of PDF files alone takes half of it
	maxPages       = 10_000_000
	maxTextBytes   = 1 << 30
	maxNested      = 100
)
