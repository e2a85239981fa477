package cli

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"kvasir/client"
	"kvasir/internal/memo"
	"kvasir/internal/parse"
)

// An item is what becomes one memo: a file, from a disk or from anywhere else, or
// a page of the web.
type item struct {
	path     string // as it is shown
	name     string // of the file, whose end tells the type
	title    string // of a text; empty for its first heading, or the name
	ref      string // the memo's reference id
	source   string
	metadata map[string]any
	open     func() (io.ReadCloser, error) // nil for a page
	url      string                        // of a page, which the server loads; empty for a file
	lastmod  string                        // of a page, as its sitemap has it
}

// asBefore reports whether a page's sitemap says that it is as it was when the
// server loaded it. Some sitemaps name no more than the day, on which a page may
// change again.
func (it *item) asBefore(m *client.MemoSummary) bool {
	day, err := time.Parse(time.DateOnly, it.lastmod[:min(len(it.lastmod), len(time.DateOnly))])
	return err == nil && m.Metadata[metaLastmod] == it.lastmod && m.Status != client.StatusError &&
		m.Updated.After(day.AddDate(0, 0, 2))
}

// skipped counts what is not added.
type skipped struct {
	Hidden    int `json:"hidden"`
	OtherType int `json:"other_type"`
	Empty     int `json:"empty"`
	Archives  int `json:"archives"`   // in folders and in archives; one is opened that is named
	Elsewhere int `json:"elsewhere"`  // pages of a sitemap that are of another site
	OverLimit int `json:"over_limit"` // pages beyond the most that are wanted
}

// scanned is what there is to add.
type scanned struct {
	items   []item
	skipped skipped
	failed  []outcome // what could not be read

	seen        map[string]bool // the reference ids of items
	maxUnpacked int64           // bytes of the files of an archive together
	archives    []io.Closer     // whose files are read later

	// What was looked through whole, so that what is not found there is gone.
	areas    []area
	opened   map[string]bool // archives, by their paths
	sitemaps map[string]bool // by their addresses
}

// The keys of metadata by which it is known where a memo is from.
const (
	metaPath    = "path"
	metaArchive = "archive"
	metaURL     = "url"
	metaSitemap = "sitemap"
	metaLastmod = "lastmod"
	metaAddedBy = "added_by"
)

// gather finds what the command line names. A path that is not there is an error;
// what cannot be read below it is an outcome.
func (c *addCommand) gather(ctx context.Context, s *session) (*scanned, error) {
	out := &scanned{
		seen: map[string]bool{}, maxUnpacked: c.MaxUnpacked, opened: map[string]bool{}, sitemaps: map[string]bool{},
	}
	web := &crawl{http: s.http, most: c.MaxPages, into: out, tell: s.err.printf}
	for _, given := range c.Paths {
		if err := out.take(ctx, web, given); err != nil {
			return out, err
		}
	}
	for _, address := range c.Sitemaps {
		if err := web.sitemap(ctx, address); err != nil {
			return out, err
		}
	}
	return out, ctx.Err()
}

// close closes what the items are read from.
func (c *scanned) close() {
	for _, archive := range c.archives {
		_ = archive.Close() // it was only read
	}
}

// take adds what one word of the command line means. A path that is there is no
// pattern, whatever is in its name.
func (c *scanned) take(ctx context.Context, web *crawl, given string) error {
	if isAddress(given) {
		return web.take(ctx, given)
	}
	info, err := os.Stat(given)
	switch {
	case err == nil:
		return c.takePath(ctx, given, info)
	case isPattern(given):
		return c.takePattern(ctx, given)
	}
	return err // it says which path, and what is wrong with it
}

// takePath adds what lies below a folder, what is in an archive, or a file.
func (c *scanned) takePath(ctx context.Context, path string, info fs.FileInfo) error {
	switch {
	case info.IsDir():
		c.areas = append(c.areas, area{folder: absolute(path)})
		return c.takeFolder(ctx, path)
	case isArchive(path) && info.Mode().IsRegular():
		return c.takeArchive(ctx, path)
	}
	c.takeFile(path, info)
	return nil
}

// takeFile adds a file that was named, even if it is hidden; one that cannot be
// read is no accident then.
func (c *scanned) takeFile(path string, info fs.FileInfo) {
	err := parse.Allowed(path)
	switch {
	case !info.Mode().IsRegular():
		err = errors.New("not a file")
	case err == nil && info.Size() == 0:
		err = errors.New("the file is empty")
	}
	if err != nil {
		c.fail(path, err)
		return
	}
	c.addFile(path)
}

// fail notes what cannot be read; that stops nothing else.
func (c *scanned) fail(path string, err error) {
	o := outcome{Path: path}
	o.fail(err)
	c.failed = append(c.failed, o)
}

// takeFolder adds what lies below a folder. With a separator at its end, a link to
// a folder is one.
func (c *scanned) takeFolder(ctx context.Context, path string) error {
	root := strings.TrimRight(path, string(filepath.Separator)) + string(filepath.Separator)
	if err := filepath.WalkDir(root, c.walker(ctx, root)); err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	return nil
}

// walker takes what lies below a folder.
func (c *scanned) walker(ctx context.Context, root string) fs.WalkDirFunc {
	return func(path string, d fs.DirEntry, err error) error {
		hidden := path != root && d != nil && d.Name()[0] == '.'
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case hidden && d.IsDir():
			c.skipped.Hidden++
			return fs.SkipDir
		case err != nil:
			c.fail(path, err)
		case d.IsDir():
		case hidden:
			c.skipped.Hidden++
		default:
			c.takeFound(path, d)
		}
		return nil
	}
}

// takeFound adds a file that was found, or counts it.
func (c *scanned) takeFound(path string, d fs.DirEntry) {
	switch {
	case d.Type().IsRegular() && isArchive(path):
		c.skipped.Archives++
	case !d.Type().IsRegular() || parse.Allowed(path) != nil:
		c.skipped.OtherType++
	case isEmpty(d):
		c.skipped.Empty++
	default:
		c.addFile(path)
	}
}

// isEmpty reports whether a file is known to be empty. What is wrong with others
// is told when they are read.
func isEmpty(d fs.DirEntry) bool {
	info, err := d.Info()
	return err == nil && info.Size() == 0
}

// addFile adds a file of the disk.
func (c *scanned) addFile(path string) {
	abs := absolute(path)
	c.add(item{
		path: path, name: filepath.Base(path), ref: pathRef(abs), source: added,
		metadata: map[string]any{metaPath: abs, metaAddedBy: added},
		open:     func() (io.ReadCloser, error) { return os.Open(path) },
	})
}

// addPage adds a page of the web; sitemap and lastmod are empty for one that was
// named.
func (c *scanned) addPage(address, sitemap, lastmod string) {
	it := item{
		path: address, name: address, ref: pageRef(address), source: added, url: address, lastmod: lastmod,
		metadata: map[string]any{metaURL: address, metaAddedBy: added},
	}
	if sitemap != "" {
		it.metadata[metaSitemap] = sitemap
	}
	if lastmod != "" {
		it.metadata[metaLastmod] = lastmod
	}
	c.add(it)
}

// add adds an item, once.
func (c *scanned) add(it item) {
	if !c.seen[it.ref] {
		c.seen[it.ref] = true
		c.items = append(c.items, it)
	}
}

// covers reports whether a memo of this command is from a place that was looked
// through. What is in an archive in a folder is covered with the folder only if
// the archive itself is gone: folders are searched without opening archives.
func (c *scanned) covers(m client.MemoSummary) bool {
	path, _ := m.Metadata[metaPath].(string)
	archive, _ := m.Metadata[metaArchive].(string)
	sitemap, _ := m.Metadata[metaSitemap].(string)
	switch {
	case m.Metadata[metaAddedBy] != added:
		return false
	case sitemap != "":
		return c.sitemaps[sitemap]
	case archive == "":
		return c.within(path)
	case c.opened[archive]:
		return true
	}
	_, err := os.Lstat(archive)
	return c.within(archive) && errors.Is(err, fs.ErrNotExist)
}

func (c *scanned) within(path string) bool {
	return slices.ContainsFunc(c.areas, func(a area) bool { return a.has(path) })
}

// An area is a part of the disk: what lies below a folder, or those of it that a
// pattern fits and what lies below them.
type area struct {
	folder  string   // absolute
	pattern []string // nil for everything
}

// has reports whether a path is in the area.
func (a area) has(path string) bool {
	rel, err := filepath.Rel(a.folder, path)
	if err != nil || rel == "." {
		return false
	}
	names := strings.Split(filepath.ToSlash(rel), "/")
	if names[0] == ".." {
		return false
	}
	for n := range names {
		if a.pattern == nil || fits(a.pattern, names[:n+1]) {
			return true
		}
	}
	return false
}

// absolute returns a path from the root on. Without a working folder, the path as
// it is has to do.
func absolute(path string) string {
	abs, err := filepath.Abs(path)
	if err != nil {
		return path
	}
	return abs
}

// maxRef is the longest reference id, in UTF-16 units.
const maxRef = 255

// pathRef is the reference id of the memo of a file: its path.
func pathRef(abs string) string { return shortened("file:", filepath.ToSlash(abs)) }

// pageRef is the reference id of the memo of a page: its address.
func pageRef(address string) string { return shortened("", address) }

// shortened is a reference id: the name, or its hash if it is too long.
func shortened(prefix, name string) string {
	if memo.UTF16Len(prefix+name) <= maxRef {
		return prefix + name
	}
	sum := sha256.Sum256([]byte(name))
	return prefix + "sha256:" + hex.EncodeToString(sum[:])
}
