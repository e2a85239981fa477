package minilm

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// An entry is one file of a package.
type entry struct {
	name    string
	content []byte
	link    string // makes it a symbolic link
}

func pack(t testing.TB, entries []entry) []byte {
	t.Helper()
	var out bytes.Buffer
	zipped := gzip.NewWriter(&out)
	w := tar.NewWriter(zipped)
	for _, e := range entries {
		head := &tar.Header{Name: e.name, Mode: 0o644, Size: int64(len(e.content)), Typeflag: tar.TypeReg}
		if e.link != "" {
			head.Typeflag, head.Linkname = tar.TypeSymlink, e.link
		}
		if err := w.WriteHeader(head); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(e.content); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), zipped.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func pinOf(content []byte) pin {
	sum := sha256.Sum256(content)
	return pin{int64(len(content)), hex.EncodeToString(sum[:])}
}

// tinyEntries is the tiny model as npm packs it, with what a hostile package
// might add.
func tinyEntries(t testing.TB) []entry {
	t.Helper()
	files := tinyFiles(t)
	return []entry{
		{name: "../../outside", content: []byte("escaped")},
		{name: "package/LICENSE", content: []byte("MIT License")},
		{name: "package/link", link: "/etc/passwd"},
		{name: "package/model/config.json", content: files[configFile]},
		{name: "package/model/tokenizer.json", content: files[tokenizerFile]},
		{name: "package/model/model.fp16.safetensors", content: files["tiny.safetensors"]},
		{name: "package/index.js", content: []byte("process.exit(1)")},
	}
}

// tinyRelease is a release of the tiny model. Its npm is a shell script that
// copies the archive, if there is one, to where npm is told to put it, and then
// does what then says.
func tinyRelease(t testing.TB, archive []byte, then string) release {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("npm's part is played by a shell script")
	}
	dir := folderOf(t, map[string][]byte{"archive": archive})
	// "pack SPEC --pack-destination DIR --cache DIR …"
	script := "#!/bin/sh\nset -e\n[ \"$1\" = pack ] && [ \"$2\" = tiny@1 ] && [ -n \"$6\" ]\n"
	if archive != nil {
		script += "cp '" + filepath.Join(dir, "archive") + "' \"$4/tiny-1.tgz\"\n"
	}
	npm := filepath.Join(dir, "npm")
	if err := os.WriteFile(npm, []byte(script+then+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	r := release{npm: npm, spec: "tiny@1", pin: pinOf(archive), notice: "Apache License, Version 2.0\n"}
	names := map[string]string{
		"package/LICENSE": "LICENSE", "package/model/config.json": configFile,
		"package/model/tokenizer.json": tokenizerFile, "package/model/model.fp16.safetensors": weightsFile,
	}
	for _, e := range tinyEntries(t) {
		if name := names[e.name]; name != "" {
			r.files = append(r.files, packed{e.name, name, pinOf(e.content)})
		}
	}
	return r
}

// listing returns the contents of the files below dir, by name.
func listing(t testing.TB, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		out[filepath.ToSlash(name)] = string(content)
		return err
	})
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return out
}

func tinyInstalled(t testing.TB) map[string]string {
	t.Helper()
	files := tinyFiles(t)
	return map[string]string{
		"LICENSE": "MIT License", noticeFile: "Apache License, Version 2.0\n", configFile: string(files[configFile]),
		tokenizerFile: string(files[tokenizerFile]), weightsFile: string(files["tiny.safetensors"]),
	}
}

func TestInstall(t *testing.T) {
	t.Parallel()
	r := tinyRelease(t, pack(t, tinyEntries(t)), "")
	parent := t.TempDir()
	dir := filepath.Join(parent, "models", "tiny")
	var last string
	var done, total int64
	err := r.install(t.Context(), dir, func(stage string, d, n int64) {
		if d > n {
			t.Errorf("%s: %d of %d bytes", stage, d, n)
		}
		last, done, total = stage, d, n
	})
	if err != nil {
		t.Fatal(err)
	}
	if last != stageUnpack || done != total || total == 0 {
		t.Errorf("progress ends with %s, %d of %d", last, done, total)
	}
	want := map[string]string{}
	for name, content := range tinyInstalled(t) {
		want["models/tiny/"+name] = content
	}
	if diff := cmp.Diff(want, listing(t, parent)); diff != "" {
		t.Errorf("installed files (-want +got):\n%s", diff)
	}
	e, err := New(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	embed(t, e, "duck")
	r.npm = "npm that must not be called"
	if err := r.install(t.Context(), dir, nil); err != nil {
		t.Errorf("a second time: %v", err)
	}
}

func TestInstallMendsWhatIsDamaged(t *testing.T) {
	t.Parallel()
	r := tinyRelease(t, pack(t, tinyEntries(t)), "")
	for name, edit := range map[string]func(files map[string][]byte){
		"weights cut short": func(f map[string][]byte) { f[weightsFile] = f[weightsFile][:1000] },
		"a byte differs":    func(f map[string][]byte) { f[weightsFile][70000] ^= 1 },
		"no tokenizer":      func(f map[string][]byte) { delete(f, tokenizerFile) },
		"no notice":         func(f map[string][]byte) { delete(f, noticeFile) },
		"other files":       func(f map[string][]byte) { clear(f) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := map[string][]byte{}
			for name, content := range tinyInstalled(t) {
				files[name] = []byte(content)
			}
			edit(files)
			files["my notes.txt"] = []byte("keep me")
			dir := folderOf(t, files)
			if err := r.install(t.Context(), dir, nil); err != nil {
				t.Fatal(err)
			}
			want := tinyInstalled(t)
			want["my notes.txt"] = "keep me"
			if diff := cmp.Diff(want, listing(t, dir)); diff != "" {
				t.Errorf("files (-want +got):\n%s", diff)
			}
		})
	}
}

func TestInstallKeepsAnotherModel(t *testing.T) {
	t.Parallel()
	r := tinyRelease(t, nil, "exit 1")
	dir := folderOf(t, tinyFiles(t))
	before := listing(t, dir)
	if err := r.install(t.Context(), dir, nil); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff(before, listing(t, dir)); diff != "" {
		t.Errorf("files (-before +after):\n%s", diff)
	}
}

func TestInstallFails(t *testing.T) {
	t.Parallel()
	replaced := func(name string, content []byte) []byte {
		entries := tinyEntries(t)
		for i := range entries {
			if entries[i].name == name {
				entries[i].content = content
			}
		}
		return pack(t, entries)
	}
	whole := pack(t, tinyEntries(t))
	tests := []struct {
		name    string
		archive []byte
		then    string
		edit    func(*release)
		want    []string
	}{
		{
			"no npm", whole, "", func(r *release) { r.npm = "no-such-npm" },
			[]string{"npm is not installed", "install Node.js", "by hand"},
		},
		{
			"no network", nil, "echo 'npm error code ENOTFOUND' >&2; echo 'npm error no address' >&2; exit 1", nil,
			[]string{"there seems to be no network", "by hand", "npm: code ENOTFOUND; no address"},
		},
		{"a full disk", nil, "echo 'npm error code ENOSPC' >&2; exit 1", nil, []string{"the disk is full"}},
		{"no rights", nil, "echo 'npm error code EACCES' >&2; exit 1", nil, []string{"check the rights"}},
		{"no such package", nil, "echo 'npm ERR! code E404' >&2; exit 1", nil, []string{"its registry does not offer"}},
		{"npm says nothing", nil, "exit 3", nil, []string{"npm cannot fetch tiny@1", "exit status 3"}},
		{"npm leaves nothing", nil, "", nil, []string{"npm left 0 packages"}},
		{
			"another package", whole, "", func(r *release) { r.pin.sha256 = strings.Repeat("0", 64) },
			[]string{"is not the package it was", "the checksum does not match", "do not use it"},
		},
		{"no archive", []byte("hello"), "", nil, []string{"unpack tiny@1", "unexpected EOF"}},
		{"an archive cut short", whole[:len(whole)/2], "", nil, []string{"unexpected EOF"}},
		{
			"a file is missing", pack(t, tinyEntries(t)[:4]), "", nil, []string{"2 files are missing"},
		},
		{
			"a file differs", replaced("package/model/config.json", []byte("{}")), "", nil,
			[]string{"config.json", "the checksum does not match"},
		},
		{
			"a file is much larger", replaced("package/LICENSE", make([]byte, 1<<22)), "", nil,
			[]string{"LICENSE: 12 bytes", "the checksum does not match"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := tinyRelease(t, tt.archive, tt.then)
			if tt.edit != nil {
				tt.edit(&r)
			}
			parent := t.TempDir()
			err := r.install(t.Context(), filepath.Join(parent, "tiny"), nil)
			if err == nil {
				t.Fatal("installed")
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("install = %q, want it to say %q", err, want)
				}
			}
			left, err := os.ReadDir(parent)
			if err != nil || len(left) > 0 {
				t.Errorf("it left %v, %v", left, err)
			}
		})
	}
}

func TestInstallStopsWhenItsContextEnds(t *testing.T) {
	t.Parallel()
	// exec, because a shell's children would outlive it.
	r := tinyRelease(t, pack(t, tinyEntries(t)), "exec sleep 600")
	parent := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	looked := 0
	err := r.install(ctx, filepath.Join(parent, "tiny"), func(string, int64, int64) {
		if looked++; looked == 3 { // npm is running
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("install = %v, want that it was cancelled", err)
	}
	if left, err := os.ReadDir(parent); err != nil || len(left) > 0 {
		t.Errorf("it left %v, %v", left, err)
	}
}

func TestTheReleaseIsPinned(t *testing.T) {
	t.Parallel()
	r := allMiniLM()
	if r.files[len(r.files)-1].name != weightsFile {
		t.Error("the weights must come last: they make the folder a model")
	}
	for _, p := range append([]packed{{name: r.spec, pin: r.pin}}, r.files...) {
		if sum, err := hex.DecodeString(p.pin.sha256); err != nil || len(sum) != sha256.Size || p.pin.size == 0 {
			t.Errorf("%s has the pin %+v", p.name, p.pin)
		}
	}
	for _, want := range []string{"Apache License", "MIT License", r.spec} {
		if !strings.Contains(r.notice, want) {
			t.Errorf("the notice does not name %q", want)
		}
	}
}
