package ocr

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	_ "image/gif" // these register how to read the size of a picture
	_ "image/jpeg"
	_ "image/png"
	"io"
	"os"
	"strings"

	"kvasir/internal/fault"
	"kvasir/internal/memo"
	"kvasir/internal/parse/markdown"
)

// Image reads the text of a picture of size bytes: PNG, JPEG, GIF, WebP or TIFF,
// which may hold several pages. Errors are faults in words for a person.
func Image(ctx context.Context, r io.ReaderAt, size int64, limits Limits) (memo.Parsed, error) {
	limits = limits.withDefaults()
	if err := limits.check(io.NewSectionReader(r, 0, size), size); err != nil {
		return memo.Parsed{}, err
	}
	// Only from a file does tesseract read all pages.
	file, err := os.CreateTemp("", "kvasir-ocr-*")
	if err != nil {
		return memo.Parsed{}, fmt.Errorf("make a temporary file: %w", err)
	}
	defer func() {
		// It is done with; what is left of it is for the system to clean up.
		_ = file.Close()
		_ = os.Remove(file.Name())
	}()
	if _, err := io.Copy(file, io.NewSectionReader(r, 0, size)); err != nil {
		return memo.Parsed{}, fmt.Errorf("copy the picture: %w", err)
	}
	text, err := limits.run(ctx, nil, file.Name())
	if err != nil {
		return memo.Parsed{}, err
	}
	parsed := pages(text)
	if parsed.Text == "" {
		return memo.Parsed{}, fault.New(fault.Invalid, "No text is recognized in the picture")
	}
	return parsed, nil
}

// pages makes a part of each page, which tesseract ends with a form feed.
func pages(text string) memo.Parsed {
	var w markdown.Writer
	for i, page := range strings.Split(strings.TrimSuffix(text, "\f"), "\f") {
		w.Part(memo.PartPage, i+1, "")
		for paragraph := range strings.SplitSeq(paragraphs(page), "\n\n") {
			w.Paragraph(paragraph)
		}
	}
	return w.Parsed("")
}

var errNoPicture = errors.New("not a picture that is known")

// check refuses what is no picture or too large, before tesseract makes pixels of
// it: a file of a few bytes can stand for gigabytes.
func (l Limits) check(r io.ReadSeeker, size int64) error {
	head := make([]byte, 64)
	n, err := io.ReadFull(r, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read the picture: %w", err)
	}
	head = head[:n]
	var sizes []image.Point
	switch {
	case bytes.HasPrefix(head, []byte("II*\x00")) || bytes.HasPrefix(head, []byte("MM\x00*")):
		sizes, err = tiffSizes(r, size, l.Pages)
	case bytes.HasPrefix(head, []byte("RIFF")) && len(head) > 30 && string(head[8:12]) == "WEBP":
		sizes, err = webpSize(head)
	default:
		if _, err = r.Seek(0, io.SeekStart); err == nil {
			var config image.Config
			config, _, err = image.DecodeConfig(r)
			sizes = []image.Point{{X: config.Width, Y: config.Height}}
		}
	}
	if err != nil || len(sizes) == 0 {
		return fault.Wrap(fault.Invalid, "The picture is damaged or of an unknown format",
			errors.Join(err, errNoPicture))
	}
	if len(sizes) > l.Pages {
		return fault.New(fault.TooLarge, fmt.Sprintf("The picture has more than %d pages", l.Pages))
	}
	for _, p := range sizes {
		if p.X <= 0 || p.Y <= 0 {
			return fault.Wrap(fault.Invalid, "The picture is damaged or of an unknown format", errNoPicture)
		}
		if p.X > l.Pixels/p.Y {
			return tooManyPixels(l)
		}
	}
	return nil
}

// webpSize reads the size of a WebP picture from one of its three kinds of header.
func webpSize(head []byte) ([]image.Point, error) {
	little := binary.LittleEndian
	switch string(head[12:16]) {
	case "VP8X":
		wide, high := little.Uint32(head[24:])&0xffffff, (little.Uint32(head[26:])>>8)&0xffffff
		return []image.Point{{X: int(wide) + 1, Y: int(high) + 1}}, nil
	case "VP8L":
		bits := little.Uint32(head[21:])
		return []image.Point{{X: int(bits&0x3fff) + 1, Y: int(bits>>14&0x3fff) + 1}}, nil
	case "VP8 ":
		wide, high := little.Uint16(head[26:])&0x3fff, little.Uint16(head[28:])&0x3fff
		return []image.Point{{X: int(wide), Y: int(high)}}, nil
	}
	return nil, errNoPicture
}
