package office

import (
	"archive/zip"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"path"
	"strings"

	"kvasir/internal/fault"
)

// An archive is an Office Open XML package, read within limits.
type archive struct {
	ctx    func() error // the context's error; what reads long asks for it
	limits Limits
	files  map[string]*zip.File // by name in lower case, as Office ignores case
	left   int64                // bytes that may still be unpacked
}

// openArchive opens the package in r.
func openArchive(ctx context.Context, r io.ReaderAt, size int64, limits Limits) (*archive, error) {
	// The list of entries is read whole, and how long it says it is may be a lie.
	directory := &bounded{ReaderAt: r, left: 1<<20 + 512*int64(limits.Entries)}
	z, err := zip.NewReader(directory, size)
	directory.left = math.MaxInt64
	if errors.Is(err, errDirectory) || err == nil && len(z.File) > limits.Entries {
		return nil, fault.New(fault.TooLarge, fmt.Sprintf("The file is an archive of more than %d entries", limits.Entries))
	}
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) { // names are only looked up, never opened
		return nil, damaged(err)
	}
	a := &archive{ctx: ctx.Err, limits: limits, files: make(map[string]*zip.File, len(z.File)), left: limits.Unpacked}
	for _, f := range z.File {
		a.files[partName(f.Name)] = f
	}
	return a, nil
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

// partName returns the name by which a part is looked up.
func partName(name string) string {
	return strings.ToLower(strings.TrimPrefix(path.Clean("/"+name), "/"))
}

// errAbsent says that the package has no such part.
var errAbsent = errors.New("no such part")

// open opens a part of the package.
func (a *archive) open(name string) (io.ReadCloser, error) {
	f := a.files[partName(name)]
	if f == nil {
		return nil, fmt.Errorf("%s: %w", name, errAbsent)
	}
	r, err := f.Open()
	if err != nil {
		return nil, damaged(err)
	}
	return &part{archive: a, ReadCloser: r, packed: f.CompressedSize64}, nil
}

// A part reads one entry and counts what it unpacks. It goes by the bytes that
// come out, not by the size that the archive claims.
type part struct {
	*archive
	io.ReadCloser
	packed, unpacked uint64
	tag              int // bytes since the "<" of the tag we are in
}

// maxTag is the longest tag in bytes: the XML decoder takes a tag as a whole, and
// for an attribute of five bytes it needs fifty.
const maxTag = 1 << 20

// Read implements io.Reader.
func (p *part) Read(b []byte) (int, error) {
	if err := p.ctx(); err != nil {
		return 0, err
	}
	n, err := p.ReadCloser.Read(b)
	p.left -= int64(n)
	p.unpacked += uint64(n)
	switch {
	case p.left < 0:
		return 0, fault.New(fault.TooLarge, fmt.Sprintf("The file unpacks to more than %d MB", p.limits.Unpacked>>20))
	case p.unpacked > 1<<20 && p.unpacked > uint64(p.limits.Ratio)*p.packed:
		return 0, fault.New(fault.TooLarge, "The file unpacks to far more than its size, as a decompression bomb does")
	}
	for _, c := range b[:n] {
		switch {
		case c == '<':
			p.tag = 1
		case c == '>':
			p.tag = 0
		case p.tag > 0:
			p.tag++
		}
		if p.tag > maxTag {
			return 0, fault.New(fault.TooLarge, "The file has an XML tag of more than a megabyte")
		}
	}
	return n, err
}

// relations returns where the relations of a part point to: part names by id, and
// the type of each by id.
func (a *archive) relations(name string) (targets, types map[string]string, err error) {
	targets, types = map[string]string{}, map[string]string{}
	dir, base := path.Split(name)
	err = a.trees(dir+"_rels/"+base+".rels", "Relationships", func(n *node) error {
		target := n.attr("Target")
		if !strings.HasPrefix(target, "/") {
			target = path.Join(dir, target)
		}
		targets[n.attr("Id")] = strings.TrimPrefix(target, "/")
		types[n.attr("Id")] = path.Base(n.attr("Type"))
		return nil
	})
	if errors.Is(err, errAbsent) {
		return targets, types, nil
	}
	return targets, types, err
}

// roots are the outermost elements of the parts that packages are about.
var roots = map[string]string{"document": string(Word), "presentation": string(PowerPoint), "workbook": "Excel workbook"}

// main returns the name of the part that the package is about, and checks that it
// is of the given kind.
func (a *archive) main(kind Kind) (string, error) {
	targets, types, err := a.relations("")
	if err != nil {
		return "", err
	}
	like := "a ZIP archive"
	for id, target := range targets {
		if types[id] != "officeDocument" {
			continue
		}
		root, err := a.root(target)
		if err != nil {
			return "", err
		}
		switch roots[root] {
		case string(kind):
			return target, nil
		case "":
		case "Excel workbook":
			like = "an Excel workbook"
		default:
			like = "a " + roots[root]
		}
	}
	switch {
	case a.files["mimetype"] == nil:
	case a.files["content.xml"] != nil:
		like = "an OpenDocument file"
	case a.files["meta-inf/container.xml"] != nil:
		like = "an EPUB book"
	}
	return "", fault.New(fault.Invalid, fmt.Sprintf("The file is not a %s: it looks like %s", kind, like))
}

// root returns the name of the outermost element of a part.
func (a *archive) root(name string) (string, error) {
	r, err := a.open(name)
	if err != nil {
		return "", damaged(err)
	}
	defer r.Close() // it was only read
	for decoder := xml.NewDecoder(r); ; {
		token, err := decoder.Token()
		if err != nil {
			return "", xmlFault(name, err)
		}
		if start, ok := token.(xml.StartElement); ok {
			return start.Name.Local, nil
		}
	}
}
