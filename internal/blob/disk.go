package blob

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"time"

	"kvasir/internal/account"
)

// A Disk is a folder of files. All paths go through an [os.Root], so that no key
// can leave it.
type Disk struct {
	root *os.Root
	dir  string // absolute
}

// Open opens the folder dir and creates it if need be.
func Open(dir string) (*Disk, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("create blob folder: %w", err)
	}
	absolute, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("open blob folder: %w", err)
	}
	root, err := os.OpenRoot(absolute)
	if err != nil {
		return nil, fmt.Errorf("open blob folder: %w", err)
	}
	return &Disk{root: root, dir: absolute}, nil
}

// Close closes the folder.
func (d *Disk) Close() error { return d.root.Close() }

// Put stores a file; see [Store]. It is on the disk when Put returns.
func (d *Disk) Put(ctx context.Context, key string, r io.Reader, limit int64) (int64, string, error) {
	dir := path.Dir(key)
	if err := d.root.MkdirAll(dir, 0o700); err != nil {
		return 0, "", fmt.Errorf("create folder of file: %w", err)
	}
	temp := key + ".part-" + rand.Text()[:8]
	size, hash, err := d.write(ctx, temp, r, limit)
	if err == nil {
		err = d.root.Rename(temp, key)
	}
	if err == nil {
		err = errors.Join(d.syncDir(dir), d.syncDir("."))
	}
	if err != nil {
		return 0, "", errors.Join(err, d.Delete(ctx, temp))
	}
	return size, hash, nil
}

// write copies r into a new file and makes sure that it is on the disk.
func (d *Disk) write(ctx context.Context, name string, r io.Reader, limit int64) (_ int64, _ string, err error) {
	f, err := d.root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return 0, "", err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	size, hash, err := copyHashed(ctx, f, r, limit)
	if err != nil {
		return 0, "", err
	}
	return size, hash, f.Sync()
}

// syncDir makes a rename in the folder durable. Windows has no such call for
// folders; its file system logs renames.
func (d *Disk) syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	f, err := d.root.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// Open opens a stored file, or fails with NotFound.
func (d *Disk) Open(_ context.Context, key string) (File, error) {
	f, err := d.root.Open(key)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, missing(err)
	}
	if err != nil {
		return nil, err
	}
	return &diskFile{File: f, path: filepath.Join(d.dir, filepath.FromSlash(key))}, nil
}

// Delete removes a file. One that is not there is no error.
func (d *Disk) Delete(_ context.Context, key string) error {
	if err := d.root.Remove(key); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// Sweep removes files that were last written before a time and that no memo names:
// a kill between a file and its row leaves one, and half of one if it came earlier.
// named returns the keys of a project's files. A folder of no known project is
// left alone: it may be of another database.
func (d *Disk) Sweep(
	ctx context.Context, before time.Time,
	named func(context.Context, account.ProjectID) (keys []string, known bool, err error),
) (removed int, err error) {
	folders, err := fs.ReadDir(d.root.FS(), ".")
	if err != nil {
		return 0, fmt.Errorf("read blob folder: %w", err)
	}
	for _, folder := range folders {
		// Files are listed before they are asked about: one that is named later is
		// also written later.
		old, err := d.writtenBefore(ctx, folder.Name(), before)
		if err != nil {
			return removed, err
		}
		if len(old) == 0 {
			continue
		}
		keys, known, err := named(ctx, account.ProjectID(folder.Name()))
		if err != nil {
			return removed, err
		}
		for _, key := range keys {
			delete(old, key)
		}
		for key := range old {
			if !known {
				break
			}
			if err := d.Delete(ctx, key); err != nil {
				return removed, err
			}
			removed++
		}
	}
	return removed, nil
}

// writtenBefore returns the keys of the old files of a folder.
func (d *Disk) writtenBefore(ctx context.Context, folder string, before time.Time) (map[string]bool, error) {
	old := map[string]bool{}
	err := fs.WalkDir(d.root.FS(), folder, func(key string, entry fs.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil // removed meanwhile
		}
		if err == nil && info.ModTime().Before(before) {
			old[key] = true
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read blob folder: %w", err)
	}
	return old, nil
}

// A diskFile is a file of the folder.
type diskFile struct {
	*os.File
	path string
}

// Path returns where the file lies.
func (f *diskFile) Path() string { return f.path }
