// Package blob keeps the original files of documents on disk.
//
// Keys are made by us, and all paths go through an [os.Root], so that no key can
// leave the folder. A file that [Store.Put] has acknowledged is on the disk.
package blob

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"runtime"

	"kvasir/internal/fault"
)

// A Store is a folder of files.
type Store struct{ root *os.Root }

// Open opens the folder dir and creates it if need be.
func Open(dir string) (*Store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("create blob folder: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open blob folder: %w", err)
	}
	return &Store{root: root}, nil
}

// Close closes the folder.
func (s *Store) Close() error { return s.root.Close() }

// Put stores what r gives under key, at most limit bytes, and returns their
// count and SHA-256 in hexadecimal. More is a TooLarge fault. Either the whole
// file is there when Put returns, or nothing is.
func (s *Store) Put(ctx context.Context, key string, r io.Reader, limit int64) (int64, string, error) {
	dir := path.Dir(key)
	if err := s.root.MkdirAll(dir, 0o700); err != nil {
		return 0, "", fmt.Errorf("create folder of file: %w", err)
	}
	temp := key + ".part-" + rand.Text()[:8]
	size, hash, err := s.write(ctx, temp, r, limit)
	if err == nil {
		err = s.root.Rename(temp, key)
	}
	if err == nil {
		err = errors.Join(s.syncDir(dir), s.syncDir("."))
	}
	if err != nil {
		return 0, "", errors.Join(err, s.Delete(temp))
	}
	return size, hash, nil
}

// write copies r into a new file and makes sure that it is on the disk.
func (s *Store) write(ctx context.Context, name string, r io.Reader, limit int64) (_ int64, _ string, err error) {
	f, err := s.root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return 0, "", err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	sum := sha256.New()
	size, err := io.Copy(io.MultiWriter(f, sum), io.LimitReader(until(ctx, r), limit+1))
	if err != nil {
		return 0, "", err
	}
	if size > limit {
		return 0, "", fault.New(fault.TooLarge, fmt.Sprintf("File size exceeds %dMB limit", limit>>20))
	}
	return size, hex.EncodeToString(sum.Sum(nil)), f.Sync()
}

// syncDir makes a rename in the folder durable. Windows has no such call for
// folders; its file system logs renames.
func (s *Store) syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := s.root.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Open opens a stored file, or fails with NotFound.
func (s *Store) Open(key string) (*os.File, error) {
	f, err := s.root.Open(key)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.Wrap(fault.NotFound, "The original file is missing", err)
	}
	return f, err
}

// Delete removes a file. One that is not there is no error.
func (s *Store) Delete(key string) error {
	if err := s.root.Remove(key); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// A readFunc is a reader made of a function.
type readFunc func(p []byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }

// until returns a reader of r that stops when ctx ends.
func until(ctx context.Context, r io.Reader) io.Reader {
	return readFunc(func(p []byte) (int, error) {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		return r.Read(p)
	})
}
