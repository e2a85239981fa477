// Package blob keeps the original files of documents: [Disk] in a folder, [S3] in
// a bucket of any server that speaks S3.
//
// Keys are made by us: a project's id, a slash, a UUID. A file is written once,
// under a key of its own, and never changed. One that [Store.Put] has acknowledged
// survives a crash; of one that it refused, or that broke off, nothing is left.
package blob

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"

	"kvasir/internal/fault"
)

// A Store keeps files. It is safe for concurrent use.
type Store interface {
	// Put stores what r gives under key, at most limit bytes, and returns their
	// count and SHA-256 in hexadecimal. More is a TooLarge fault. Either the whole
	// file is there when Put returns, or nothing is.
	Put(ctx context.Context, key string, r io.Reader, limit int64) (size int64, hash string, err error)
	// Open opens a stored file, or fails with NotFound. The caller closes it.
	Open(ctx context.Context, key string) (File, error)
	// Delete removes a file. One that is not there is no error.
	Delete(ctx context.Context, key string) error
	// Close frees what the store holds. Files that are open stay open.
	Close() error
}

// A File is an original that is open for reading. The type is an alias, so that a
// use case can name it without knowing this package.
type File = interface {
	io.ReaderAt
	io.ReadSeeker
	io.Closer
	// Path returns where the bytes lie on this machine's disk, for as long as the
	// file is open.
	Path() string
}

// copyHashed copies at most limit bytes and returns their count and SHA-256. It
// stops when ctx ends.
func copyHashed(ctx context.Context, w io.Writer, r io.Reader, limit int64) (int64, string, error) {
	sum := sha256.New()
	size, err := io.Copy(io.MultiWriter(w, sum), io.LimitReader(until(ctx, r), limit+1))
	if err != nil {
		return 0, "", err
	}
	if size > limit {
		return 0, "", fault.New(fault.TooLarge, fmt.Sprintf("File size exceeds %dMB limit", limit>>20))
	}
	return size, hex.EncodeToString(sum.Sum(nil)), nil
}

// missing is the fault for a file that is not there.
func missing(cause error) error {
	return fault.Wrap(fault.NotFound, "The original file is missing", cause)
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
