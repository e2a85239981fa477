package blob

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"kvasir/internal/fault"
)

// An Addressing is how a bucket is named in a request.
type Addressing int

// The ways to name a bucket. Automatic does what each known service wants, and puts
// the name into the path for all others.
const (
	Automatic Addressing = iota
	ByPath
	ByHost
)

// S3Options say where a bucket is. All but Endpoint, Prefix and Addressing are needed.
type S3Options struct {
	Endpoint   string // the server's address, such as https://s3.example.com; Amazon's if empty
	Region     string
	Bucket     string
	Prefix     string // before every key; a slash goes between
	AccessKey  string
	SecretKey  string
	Addressing Addressing
	TempDir    string // an empty folder: what goes out or comes in passes through it
}

const (
	partBytes    = 16 << 20         // of an upload in parts; one is in memory at a time at most
	checkTimeout = 20 * time.Second // for a bucket to prove itself
	tidyTimeout  = 30 * time.Second // for a removal whose caller has gone
	tries        = 5                // of a request, by the library
)

// An S3 is a bucket. A file on its way out is first written to the local disk, so
// that only whole files of an allowed size leave, with known length and hash, and can
// be sent again. A file that is opened is a copy on the local disk.
type S3 struct {
	client    *minio.Client
	transport *http.Transport
	bucket    string
	prefix    string
	temp      *os.Root
}

// OpenS3 opens a bucket. It stores a file and removes it again, so that what is
// wrong with the bucket is told now.
func OpenS3(ctx context.Context, o S3Options) (*S3, error) {
	s, err := newS3(o)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	if err := s.prove(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("cannot keep files in the bucket %s at %s: %w",
			o.Bucket, s.client.EndpointURL(), err), s.Close())
	}
	return s, nil
}

// newS3 asks nobody yet.
func newS3(o S3Options) (*S3, error) {
	endpoint, err := url.Parse(cmp.Or(o.Endpoint, "https://s3.amazonaws.com"))
	if err != nil || endpoint.Host == "" || strings.Trim(endpoint.Path, "/") != "" {
		return nil, errors.New("the endpoint is not an address such as https://s3.example.com") // it may hold a password
	}
	secure := endpoint.Scheme == "https"
	transport, err := minio.DefaultTransport(secure)
	if err != nil {
		return nil, fmt.Errorf("prepare connections to S3: %w", err)
	}
	client, err := minio.New(endpoint.Host, &minio.Options{
		Creds:        credentials.NewStaticV4(o.AccessKey, o.SecretKey, ""),
		Secure:       secure,
		Region:       o.Region,
		BucketLookup: lookup(o.Addressing),
		Transport:    transport,
		MaxRetries:   tries,
	})
	if err != nil {
		return nil, fmt.Errorf("prepare requests to S3: %w", err)
	}
	dir, err := filepath.Abs(o.TempDir)
	if err != nil {
		return nil, fmt.Errorf("find the folder for files on their way: %w", err)
	}
	temp, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open the folder for files on their way: %w", err)
	}
	return &S3{client, transport, o.Bucket, strings.Trim(o.Prefix, "/"), temp}, nil
}

func lookup(a Addressing) minio.BucketLookupType {
	switch a {
	case ByPath:
		return minio.BucketLookupPath
	case ByHost:
		return minio.BucketLookupDNS
	}
	return minio.BucketLookupAuto
}

// prove stores, reads and removes a small file.
func (s *S3) prove(ctx context.Context) error {
	key := "kvasir-was-here-" + rand.Text()[:8]
	if _, _, err := s.Put(ctx, key, strings.NewReader("ok"), 2); err != nil {
		return err
	}
	f, err := s.Open(ctx, key)
	if err == nil {
		err = f.Close()
	}
	return errors.Join(err, s.Delete(ctx, key))
}

// Close lets go of the connections.
func (s *S3) Close() error {
	s.transport.CloseIdleConnections()
	return s.temp.Close()
}

// Put stores a file; see [Store].
func (s *S3) Put(ctx context.Context, key string, r io.Reader, limit int64) (_ int64, _ string, err error) {
	name, err := s.name(key)
	if err != nil {
		return 0, "", err
	}
	f, err := s.local()
	if err != nil {
		return 0, "", err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	size, hash, err := copyHashed(ctx, f, r, limit)
	if err != nil {
		return 0, "", err
	}
	return size, hash, s.upload(ctx, name, f, size)
}

// upload sends a file, in parts if it is large.
func (s *S3) upload(ctx context.Context, name string, f *localFile, size int64) error {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	sending, done := context.WithCancel(ctx)
	defer done() // ends what the library leaves running when a part has failed
	_, err := s.client.PutObject(sending, s.bucket, name, f, size, minio.PutObjectOptions{
		ContentType: "application/octet-stream",
		PartSize:    partBytes,
		NumThreads:  2,
	})
	return s.explain(ctx, err)
}

// Open copies a file to the local disk and opens it there.
func (s *S3) Open(ctx context.Context, key string) (_ File, err error) {
	name, err := s.name(key)
	if err != nil {
		return nil, err
	}
	object, err := s.client.GetObject(ctx, s.bucket, name, minio.GetObjectOptions{})
	if err != nil {
		return nil, s.explain(ctx, err)
	}
	defer object.Close() // after all of it is read, or an error that says more
	f, err := s.local()
	if err != nil {
		return nil, err
	}
	_, err = io.Copy(f, until(ctx, object))
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		return nil, errors.Join(s.explain(ctx, err), f.Close())
	}
	return f, nil
}

// Delete removes a file, even if the caller has gone. One that is not there is no
// error.
func (s *S3) Delete(ctx context.Context, key string) error {
	name, err := s.name(key)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tidyTimeout)
	defer cancel()
	return s.explain(ctx, s.client.RemoveObject(ctx, s.bucket, name, minio.RemoveObjectOptions{}))
}

// name returns what a key is called in the bucket.
func (s *S3) name(key string) (string, error) {
	if !fs.ValidPath(key) || key == "." {
		return "", fmt.Errorf("%q is not a key", key)
	}
	return path.Join(s.prefix, key), nil
}

// explain turns an error of the bucket into a fault. Nearly all of them can be
// mended from outside, so work that meets them is worth trying again.
func (s *S3) explain(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if _, ours := errors.AsType[*fs.PathError](err); ours {
		return fmt.Errorf("copy a file from S3: %w", err)
	}
	answer, _ := errors.AsType[minio.ErrorResponse](err)
	words := ""
	switch answer.Code {
	case minio.NoSuchKey:
		return missing(err)
	case minio.NoSuchBucket:
		words = "there is no such bucket; make it, or correct its name"
	case minio.AccessDenied:
		words = "access is denied; let the key read, write and delete objects there"
	case "InvalidAccessKeyId":
		words = "the access key is not known there; correct it"
	case "SignatureDoesNotMatch":
		words = "the secret key is not that of the access key; correct it"
	case "":
		words = "it cannot be reached; look at its endpoint and the network"
	default:
		words = answer.Code
	}
	return fault.Wrap(fault.Unavailable, "The store of files fails: "+words, err)
}

// local makes a file on the local disk that its Close removes.
func (s *S3) local() (*localFile, error) {
	name := rand.Text()
	f, err := s.temp.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("make a file for what is on its way: %w", err)
	}
	return &localFile{File: f, remove: func() error { return s.temp.Remove(name) }}, nil
}

// A localFile is a copy for as long as it is open.
type localFile struct {
	*os.File
	remove func() error
}

// Path returns where the file lies.
func (f *localFile) Path() string { return f.Name() }

// Close closes the file and removes it.
func (f *localFile) Close() error { return errors.Join(f.File.Close(), f.remove()) }
