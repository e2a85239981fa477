package cli

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"kvasir/internal/memo"
	"kvasir/internal/parse"
)

// An item is a file to be added, from a disk or from anywhere else.
type item struct {
	path     string // as it is shown
	name     string // of the file, whose end tells the type
	ref      string // the memo's reference id
	source   string
	metadata map[string]any
	open     func() (io.ReadCloser, error)
}

// skipped counts the files that are not added.
type skipped struct {
	Hidden    int `json:"hidden"`
	OtherType int `json:"other_type"`
	Empty     int `json:"empty"`
}

// scanned is what there is to add.
type scanned struct {
	items   []item
	skipped skipped
	failed  []outcome // what could not be read

	seen map[string]bool // the reference ids of items
}

// scan finds the files of the given paths. A path that is not there is an
// error; what cannot be read below it is an outcome. A file that is named is
// added even if it is hidden.
func scan(paths []string) (*scanned, error) {
	out := &scanned{seen: map[string]bool{}}
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return nil, err // it says which path, and what is wrong with it
		}
		if !info.IsDir() {
			out.addFile(path, info)
			continue
		}
		if err := filepath.WalkDir(path, out.walker(path)); err != nil {
			return nil, fmt.Errorf("read %s: %w", path, err)
		}
	}
	return out, nil
}

// addFile takes a file that was named; one that cannot be read is no accident
// then.
func (c *scanned) addFile(path string, info fs.FileInfo) {
	err := parse.Allowed(path)
	switch {
	case !info.Mode().IsRegular():
		err = fmt.Errorf("not a file")
	case err == nil && info.Size() == 0:
		err = fmt.Errorf("the file is empty")
	}
	if err != nil {
		o := outcome{Path: path}
		o.fail(err)
		c.failed = append(c.failed, o)
		return
	}
	c.add(path)
}

// walker takes what lies below a folder.
func (c *scanned) walker(root string) fs.WalkDirFunc {
	return func(path string, d fs.DirEntry, err error) error {
		hidden := path != root && d != nil && d.Name()[0] == '.'
		switch {
		case hidden && d.IsDir():
			c.skipped.Hidden++
			return fs.SkipDir
		case err != nil:
			o := outcome{Path: path}
			o.fail(err)
			c.failed = append(c.failed, o)
		case d.IsDir():
		case hidden:
			c.skipped.Hidden++
		case !d.Type().IsRegular() || parse.Allowed(path) != nil:
			c.skipped.OtherType++
		default:
			if info, err := d.Info(); err == nil && info.Size() == 0 {
				c.skipped.Empty++
				return nil
			}
			c.add(path)
		}
		return nil
	}
}

// add takes a file, once.
func (c *scanned) add(path string) {
	abs, err := filepath.Abs(path)
	if err != nil {
		abs = path // there is no working folder; the name alone has to do
	}
	ref := pathRef(abs)
	if c.seen[ref] {
		return
	}
	c.seen[ref] = true
	c.items = append(c.items, item{
		path: path, name: filepath.Base(path), ref: ref, source: added,
		metadata: map[string]any{"path": abs, "added_by": added},
		open:     func() (io.ReadCloser, error) { return os.Open(path) },
	})
}

// maxRef is the longest reference id, in UTF-16 units.
const maxRef = 255

// pathRef is the reference id of the memo of a file: its path, or the path's
// hash if it is too long.
func pathRef(abs string) string {
	ref := "file:" + filepath.ToSlash(abs)
	if memo.UTF16Len(ref) <= maxRef {
		return ref
	}
	sum := sha256.Sum256([]byte(abs))
	return "file:sha256:" + hex.EncodeToString(sum[:])
}
