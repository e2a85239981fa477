// Package archive reads ZIP archives of XML, which office files and books are, within
// limits.
//
// Archives come from strangers. One may have so many entries and unpack to so many
// bytes, by what comes out and not by what it claims; its XML may nest so deep and no
// deeper, has no entities but those of XML and HTML, and nothing that it refers to is
// read from anywhere but the archive. Names are only looked up, never opened: what
// is called ../../x is an entry like any other.
package archive

import (
	"archive/zip"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/url"
	"path"
	"strings"

	"kvasir/internal/fault"
)

// Limits bound what a file may take. The zero value of a field means its default.
type Limits struct {
	Entries  int   // entries; 10,000
	Unpacked int64 // bytes of all entries that are read together; 256 MiB
	Ratio    int64 // unpacked bytes for each packed one, for entries over 1 MiB; 400
	Depth    int   // nesting of XML elements; 256
}

// An Archive is a ZIP archive. It is for one goroutine.
type Archive struct {
	ctx    func() error // the context's error; what reads long asks for it
	limits Limits
	files  map[string]*zip.File // by name in lower case, as Office ignores case
	twice  map[string]bool      // names that several entries have
	left   int64                // bytes that may still be unpacked
}

// Open opens the archive in r. Reading stops when ctx ends.
func Open(ctx context.Context, r io.ReaderAt, size int64, limits Limits) (*Archive, error) {
	limits.Entries = cmp.Or(max(limits.Entries, 0), 10_000)
	limits.Unpacked = cmp.Or(max(limits.Unpacked, 0), 256<<20)
	limits.Ratio = cmp.Or(max(limits.Ratio, 0), 400)
	limits.Depth = cmp.Or(max(limits.Depth, 0), 256)
	// The list of entries is read whole, and how long it says it is may be a lie.
	directory := &bounded{ReaderAt: r, left: 1<<20 + 512*int64(limits.Entries)}
	z, err := zip.NewReader(directory, size)
	directory.left = math.MaxInt64
	if errors.Is(err, errDirectory) || err == nil && len(z.File) > limits.Entries {
		return nil, fault.New(fault.TooLarge, fmt.Sprintf("The file is an archive of more than %d entries", limits.Entries))
	}
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) {
		return nil, Damaged(err)
	}
	a := &Archive{
		ctx: ctx.Err, limits: limits, left: limits.Unpacked,
		files: make(map[string]*zip.File, len(z.File)), twice: map[string]bool{},
	}
	for _, f := range z.File {
		name := partName(f.Name)
		a.twice[name] = a.files[name] != nil
		a.files[name] = f
	}
	return a, nil
}

// Damaged returns the fault of a file that cannot be read.
func Damaged(cause error) error {
	return fault.Wrap(fault.Invalid, "The file is damaged and cannot be read", cause)
}

var errDirectory = errors.New("the list of entries is too long")

// A bounded reader reads so many bytes and no more.
type bounded struct {
	io.ReaderAt
	left int64
}

// ReadAt implements io.ReaderAt.
func (b *bounded) ReadAt(p []byte, offset int64) (int, error) {
	if b.left -= int64(len(p)); b.left < 0 {
		return 0, errDirectory
	}
	return b.ReaderAt.ReadAt(p, offset)
}

// partName returns the name by which an entry is looked up.
func partName(name string) string {
	return strings.ToLower(strings.TrimPrefix(path.Clean("/"+name), "/"))
}

// Join returns the name of the entry that a reference in the entry from means. What
// leads out of the archive ends at its root.
func Join(from, reference string) string {
	reference, _, _ = strings.Cut(reference, "#")
	if plain, err := url.PathUnescape(reference); err == nil {
		reference = plain
	}
	if !strings.HasPrefix(reference, "/") {
		reference = path.Join("/", path.Dir(from), reference)
	}
	return strings.TrimPrefix(path.Clean(reference), "/")
}

// ErrAbsent says that the archive has no such entry.
var ErrAbsent = errors.New("no such part")

// Has reports whether there is an entry with the name.
func (a *Archive) Has(name string) bool { return a.files[partName(name)] != nil }

// Open opens an entry. The error is [ErrAbsent] if there is none.
func (a *Archive) Open(name string) (io.ReadCloser, error) {
	f := a.files[partName(name)]
	switch {
	case f == nil:
		return nil, fmt.Errorf("%s: %w", name, ErrAbsent)
	case a.twice[partName(name)]:
		return nil, Damaged(fmt.Errorf("%s is there twice", name))
	case f.Flags&1 != 0:
		return nil, fault.New(fault.Invalid, "The file is encrypted. Remove its password and try again")
	}
	r, err := f.Open()
	if err != nil {
		return nil, Damaged(err)
	}
	return &entry{archive: a, ReadCloser: r, packed: f.CompressedSize64}, nil
}

// An entry reads one entry and counts what it unpacks.
type entry struct {
	archive *Archive
	io.ReadCloser
	packed, unpacked uint64
	tag              int // bytes since the "<" of the tag we are in
}

// maxTag is the longest tag in bytes: the XML decoder takes a tag as a whole, and
// for an attribute of five bytes it needs fifty.
const maxTag = 1 << 20

// Read implements io.Reader.
func (e *entry) Read(b []byte) (int, error) {
	a := e.archive
	if err := a.ctx(); err != nil {
		return 0, err
	}
	n, err := e.ReadCloser.Read(b)
	a.left -= int64(n)
	e.unpacked += uint64(n)
	switch {
	case a.left < 0:
		return 0, fault.New(fault.TooLarge, fmt.Sprintf("The file unpacks to more than %d MB", a.limits.Unpacked>>20))
	case e.unpacked > 1<<20 && e.unpacked > uint64(a.limits.Ratio)*e.packed:
		return 0, fault.New(fault.TooLarge, "The file unpacks to far more than its size, as a decompression bomb does")
	}
	for _, c := range b[:n] {
		switch {
		case c == '<':
			e.tag = 1
		case c == '>':
			e.tag = 0
		case e.tag > 0:
			e.tag++
		}
		if e.tag > maxTag {
			return 0, fault.New(fault.TooLarge, "The file has an XML tag of more than a megabyte")
		}
	}
	if err != nil && !errors.Is(err, io.EOF) {
		err = Damaged(err)
	}
	return n, err
}
