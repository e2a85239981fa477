package blob_test

import (
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/rclone/gofakes3"
	"github.com/rclone/gofakes3/s3mem"
	"go.uber.org/goleak"

	"kvasir/internal/blob"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	bucket    = "originals"
	accessKey = "the-access-key"
	secretKey = "the-secret-key"
)

// A room is a store, and what a test needs to see behind it.
type room struct {
	blob.Store
	files func() []string // all that is stored, half-stored things included
}

// each runs a test on every kind of store.
func each(t *testing.T, test func(t *testing.T, r room)) {
	t.Helper()
	t.Run("disk", func(t *testing.T) {
		t.Parallel()
		s, dir := openDisk(t)
		test(t, room{s, func() []string { return filesIn(t, dir) }})
	})
	t.Run("S3", func(t *testing.T) {
		t.Parallel()
		b := serveS3(t, nil)
		test(t, b.open(t))
	})
}

func openDisk(t *testing.T) (*blob.Disk, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "blob")
	s, err := blob.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	closeAfter(t, s)
	return s, dir
}

func closeAfter(t *testing.T, s blob.Store) {
	t.Helper()
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

// filesIn lists all files below a folder.
func filesIn(t *testing.T, dir string) (names []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			names = append(names, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// An s3 is a server that checks signatures, with one bucket.
type s3 struct {
	options blob.S3Options
	backend gofakes3.Backend
	admin   *minio.Client
}

// serveS3 starts the server. Requests pass through front, unless it is nil.
func serveS3(t *testing.T, front func(http.Handler) http.Handler) *s3 {
	t.Helper()
	backend := s3mem.New()
	if err := backend.CreateBucket(t.Context(), bucket); err != nil {
		t.Fatal(err)
	}
	handler := gofakes3.New(backend, gofakes3.WithV4Auth(map[string]string{accessKey: secretKey})).Server()
	if front != nil {
		handler = front(handler)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	admin, err := minio.New(strings.TrimPrefix(server.URL, "http://"), &minio.Options{
		Creds:     credentials.NewStaticV4(accessKey, secretKey, ""),
		Transport: transport,
		Region:    "us-east-2",
	})
	if err != nil {
		t.Fatal(err)
	}
	return &s3{backend: backend, admin: admin, options: blob.S3Options{
		Endpoint: server.URL, Region: "us-east-2", Bucket: bucket, Prefix: "kvasir/", AccessKey: accessKey,
		SecretKey: secretKey, TempDir: t.TempDir(),
	}}
}

// open opens the bucket.
func (b *s3) open(t *testing.T) room {
	t.Helper()
	s, err := blob.OpenS3(t.Context(), b.options)
	if err != nil {
		t.Fatal(err)
	}
	closeAfter(t, s)
	return room{s, func() []string {
		names := filesIn(t, b.options.TempDir)
		objects, err := b.backend.ListBucket(t.Context(), bucket, &gofakes3.Prefix{}, gofakes3.ListBucketPage{})
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range objects.Contents {
			names = append(names, o.Key)
		}
		for o := range b.admin.ListIncompleteUploads(t.Context(), bucket, "", true) {
			if minio.ToErrorResponse(o.Err).Code == minio.NoSuchUpload {
				continue // how this server says that there is none
			}
			names = append(names, fmt.Sprint(o.Key, " in parts ", o.Err))
		}
		return names
	}}
}
