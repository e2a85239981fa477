package cli

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"

	"kvasir/internal/parse"
)

// The bounds of archives. What an archive says of its sizes is checked before
// anything is unpacked, and held to while it is.
const (
	maxEntries   = 100_000
	maxDirectory = 32 << 20  // bytes of the list of entries
	maxRatio     = 200       // of unpacked to packed bytes…
	ratioFrom    = 128 << 20 // …of what unpacks to more than this
)

// inArchive separates the name of an archive from that of a file in it.
const inArchive = "!/"

// isArchive tells by a file's name whether it is one of many files.
func isArchive(name string) bool { return strings.EqualFold(filepath.Ext(name), ".zip") }

// An archive is a ZIP archive whose files are added. They are read from it as they
// are sent; nothing is written to the disk, so their names can do no harm.
type archive struct {
	path   string // as it is shown
	abs    string
	hidden map[string]bool // folders and files that are hidden
	names  map[string]bool // of the files, cleaned
	bytes  uint64          // of the files, unpacked
	items  []item
}

// takeArchive adds the files of an archive, once. What is wrong with it is an
// outcome.
func (c *scanned) takeArchive(ctx context.Context, name string) error {
	a := &archive{path: name, abs: absolute(name), hidden: map[string]bool{}, names: map[string]bool{}}
	if c.opened[a.abs] {
		return nil
	}
	file, err := os.Open(name)
	if err != nil {
		c.fail(name, err)
		return nil
	}
	c.archives = append(c.archives, file)
	c.opened[a.abs] = true
	failed := len(c.failed)
	entries, size, err := readDirectory(file, maxDirectory)
	for _, f := range entries {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		c.takeEntry(a, f)
	}
	switch {
	case err != nil:
	case a.bytes > uint64(c.maxUnpacked):
		err = fmt.Errorf("the archive unpacks to more than %s; --max-unpacked can allow it", byteSize(c.maxUnpacked))
	case inflated(a.bytes, uint64(size)):
		err = fmt.Errorf("the archive unpacks to more than %d times its size", maxRatio)
	case len(a.items) == 0 && len(c.failed) == failed:
		err = errors.New("there is nothing in the archive that can be added")
	}
	if err != nil {
		c.fail(name, err)
		return nil
	}
	for _, it := range a.items {
		c.add(it)
	}
	return nil
}

// inflated reports whether so much does not come of what an archive packs, unless
// it was made to do harm.
func inflated(unpacked, packed uint64) bool {
	return unpacked > ratioFrom && unpacked/maxRatio > packed
}

// readDirectory returns the entries of an archive, whose list has at most so many
// bytes, and its size.
func readDirectory(file *os.File, most int64) ([]*zip.File, int64, error) {
	info, err := file.Stat()
	if err != nil {
		return nil, 0, err
	}
	directory := &directoryReader{file: file, left: most}
	z, err := zip.NewReader(directory, info.Size())
	switch {
	case directory.left < 0 || err == nil && len(z.File) > maxEntries:
		return nil, 0, fmt.Errorf("the archive has more than %s entries", grouped(maxEntries))
	case err != nil:
		return nil, 0, fmt.Errorf("not a ZIP archive, or a part of one: %w", err)
	}
	directory.read = true
	return z.File, info.Size(), nil
}

// A directoryReader bounds how much is read until the list of entries is. How long
// that is, is not known before: what an archive says of it may be a lie.
type directoryReader struct {
	file io.ReaderAt
	left int64
	read bool // from then on nothing is bounded here
}

// ReadAt reads from the archive.
func (d *directoryReader) ReadAt(p []byte, at int64) (int, error) {
	n, err := d.file.ReadAt(p, at)
	if d.read {
		return n, err
	}
	if d.left -= int64(n); d.left < 0 {
		return 0, errors.New("the list of entries is too long")
	}
	return n, err
}

// takeEntry takes a file of an archive, or counts it.
func (c *scanned) takeEntry(a *archive, f *zip.File) {
	name := entryName(f)
	shown := a.path + inArchive + name
	hidden := hiddenPart(name)
	switch {
	case strings.HasSuffix(f.Name, "/") || f.Mode().IsDir():
	case hidden != "":
		if !a.hidden[hidden] {
			a.hidden[hidden] = true
			c.skipped.Hidden++
		}
	case f.Mode().IsRegular() && isArchive(name):
		c.skipped.Archives++
	case !f.Mode().IsRegular() || parse.Allowed(name) != nil:
		c.skipped.OtherType++
	case f.UncompressedSize64 == 0:
		c.skipped.Empty++
	case f.Flags&1 != 0:
		c.fail(shown, errors.New("the file is encrypted; unpack the archive with its password and add the folder"))
	case inflated(f.UncompressedSize64, f.CompressedSize64):
		c.fail(shown, fmt.Errorf("the file unpacks to more than %d times its size", maxRatio))
	case a.names[name]:
		c.fail(shown, errors.New("the archive has several files of this name; the first is taken"))
	default:
		a.names[name] = true
		if a.bytes += f.UncompressedSize64; a.bytes < f.UncompressedSize64 {
			a.bytes = 1<<64 - 1 // more than can be counted
		}
		abs := a.abs + inArchive + name
		a.items = append(a.items, item{
			path: shown, name: path.Base(name), ref: pathRef(abs), source: added,
			metadata: map[string]any{metaPath: abs, metaArchive: a.abs, metaAddedBy: added},
			open:     func() (io.ReadCloser, error) { return openEntry(f) },
		})
	}
}

// entryName is the name of an entry as a path within its archive, which leads
// nowhere else. An old archiver writes it in the charset of the IBM PC, and some
// in UTF-8 without saying so.
func entryName(f *zip.File) string {
	name := f.Name
	if f.NonUTF8 && !utf8.ValidString(name) {
		if decoded, err := charmap.CodePage437.NewDecoder().String(name); err == nil {
			name = decoded
		}
	}
	name = strings.Map(func(r rune) rune {
		switch {
		case r == '\\':
			return '/'
		case unicode.IsControl(r):
			return '_'
		}
		return r
	}, strings.ToValidUTF8(name, "_"))
	if len(name) > 2 && name[1] == ':' && name[2] == '/' {
		name = name[2:] // the letter of a drive
	}
	return strings.TrimPrefix(path.Clean("/"+name), "/")
}

// hiddenPart returns the first part of a path that is hidden, "" if none is. Macs
// add a folder of their own.
func hiddenPart(name string) string {
	at := 0
	for part := range strings.SplitSeq(name, "/") {
		at += len(part)
		if strings.HasPrefix(part, ".") || part == "__MACOSX" {
			return name[:at]
		}
		at++
	}
	return ""
}

// openEntry opens a file of an archive. What is longer or shorter than the archive
// says is an error of the package zip.
func openEntry(f *zip.File) (io.ReadCloser, error) {
	body, err := f.Open()
	switch {
	case errors.Is(err, zip.ErrAlgorithm):
		return nil, fmt.Errorf("the file is packed by a method that is not known here (%d)", f.Method)
	case err != nil:
		return nil, damaged(err)
	}
	return entryReader{body}, nil
}

// An entryReader says of errors that they are the archive's.
type entryReader struct{ io.ReadCloser }

// Read reads what is unpacked.
func (r entryReader) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		err = damaged(err)
	}
	return n, err
}

func damaged(err error) error { return fmt.Errorf("the archive is damaged: %w", err) }
