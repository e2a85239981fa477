package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// isPattern reports whether a path can be a pattern.
func isPattern(path string) bool { return strings.ContainsAny(path, "*?[") }

// takePattern adds what a pattern fits, for shells that do not expand it. What is
// not to be added is skipped, as in a folder.
func (c *scanned) takePattern(ctx context.Context, pattern string) error {
	root, names, err := splitPattern(pattern)
	if err != nil {
		return err
	}
	found, failed := false, len(c.failed)
	err = filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		rel, outside := filepath.Rel(root, name)
		if outside != nil {
			return outside
		}
		below := strings.Split(filepath.ToSlash(rel), "/")
		if rel == "." {
			below = nil
		}
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			if !errors.Is(err, fs.ErrNotExist) {
				c.fail(name, err)
			}
		case fits(names, below):
			found = true
			return c.takeFitting(ctx, name, d)
		case d.IsDir() && !leads(names, below):
			return fs.SkipDir
		}
		return nil
	})
	if err != nil {
		return err
	}
	if !found && len(c.failed) == failed {
		return fmt.Errorf("%s: nothing fits the pattern", pattern)
	}
	c.areas = append(c.areas, area{absolute(root), names})
	return nil
}

// takeFitting adds what a pattern has found. A link is followed to a file.
func (c *scanned) takeFitting(ctx context.Context, name string, d fs.DirEntry) error {
	if d.Type()&fs.ModeSymlink != 0 {
		if info, err := os.Stat(name); err == nil {
			d = fs.FileInfoToDirEntry(info)
		}
		if d.IsDir() {
			return c.takeFolder(ctx, name)
		}
	}
	switch {
	case d.IsDir():
		if err := c.takeFolder(ctx, name); err != nil {
			return err
		}
		return fs.SkipDir
	case isArchive(name) && d.Type().IsRegular():
		return c.takeArchive(ctx, name)
	}
	c.takeFound(name, d)
	return nil
}

// splitPattern returns the folder from which on a pattern is one, and the names
// below it, of which ** stands for any number.
func splitPattern(pattern string) (root string, names []string, err error) {
	slashed := filepath.ToSlash(pattern)
	start := strings.LastIndex(slashed[:strings.IndexAny(slashed, "*?[")], "/") + 1
	for name := range strings.SplitSeq(slashed[start:], "/") {
		name = strings.ReplaceAll(name, "[!", "[^") // as shells write it
		if _, err := path.Match(name, ""); err != nil {
			return "", nil, fmt.Errorf("%s: the pattern is not complete", pattern)
		}
		if name != "" {
			names = append(names, name)
		}
	}
	root = filepath.FromSlash(slashed[:start])
	if root == "" {
		root = "."
	}
	return root, slices.CompactFunc(names, func(a, b string) bool { return a == anyFolders && b == anyFolders }), nil
}

// anyFolders stands for any number of folders that are not hidden.
const anyFolders = "**"

// fits reports whether the names of a path are those of a pattern.
func fits(pattern, names []string) bool {
	switch {
	case len(pattern) == 0:
		return len(names) == 0
	case pattern[0] == anyFolders:
		return fits(pattern[1:], names) || len(names) > 0 && names[0][0] != '.' && fits(pattern, names[1:])
	}
	return len(names) > 0 && fitsName(pattern[0], names[0]) && fits(pattern[1:], names[1:])
}

// leads reports whether something below a folder can fit a pattern.
func leads(pattern, names []string) bool {
	switch {
	case len(pattern) == 0:
		return false
	case len(names) == 0:
		return true
	case pattern[0] == anyFolders:
		return leads(pattern[1:], names) || names[0][0] != '.' && leads(pattern, names[1:])
	}
	return fitsName(pattern[0], names[0]) && leads(pattern[1:], names[1:])
}

// fitsName reports whether a pattern without a slash fits a name. What is hidden
// has to be asked for.
func fitsName(pattern, name string) bool {
	if name[0] == '.' && pattern[0] != '.' {
		return false
	}
	ok, err := path.Match(pattern, name)
	return ok && err == nil
}
