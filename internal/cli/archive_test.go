package cli

import (
	"archive/zip"
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kvasir/client/clienttest"
)

// An entry is a file of an archive that a test makes.
type entry struct {
	name   string
	text   string
	header zip.FileHeader
	raw    bool // the header tells the sizes, and text is what is packed
}

type entries []entry

// zipped returns an archive.
func zipped(t testing.TB, list entries) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, e := range list {
		h := e.header
		h.Name = e.name
		if !e.raw && h.Method == zip.Store {
			h.Method = zip.Deflate
		}
		create := w.CreateHeader
		if e.raw {
			create = w.CreateRaw
		}
		body, err := create(&h)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(body, e.text); err != nil && !strings.HasSuffix(e.name, "/") {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// writeZIP writes an archive, and returns its name.
func writeZIP(t testing.TB, name string, list entries) string {
	t.Helper()
	if err := os.WriteFile(name, zipped(t, list), 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

// archived returns what an add command finds in an archive: the names of its
// files, and what failed, by name.
func archived(t *testing.T, name string, c addCommand) (*scanned, []string, map[string]string) {
	t.Helper()
	c.Paths = []string{name}
	found, paths, err := gathered(t, filepath.Dir(name), c)
	if err != nil {
		t.Fatal(err)
	}
	base := filepath.Base(name)
	for i := range paths {
		paths[i] = strings.TrimPrefix(paths[i], base+inArchive)
	}
	failed := map[string]string{}
	for _, o := range found.failed {
		failed[strings.TrimPrefix(strings.TrimPrefix(o.Path, name), inArchive)] = o.Error
	}
	return found, paths, failed
}

func TestWhatIsInAnArchive(t *testing.T) {
	t.Parallel()
	inner := string(zipped(t, entries{{name: "x.md", text: "x"}}))
	name := writeZIP(t, filepath.Join(t.TempDir(), "A.ZIP"), entries{
		{name: "notes/"}, {name: "notes/a.md", text: "a"}, {name: "b.txt", text: "b"}, {name: "empty.md"},
		{name: "a.exe", text: "MZ"}, {name: "noext", text: "x"}, {name: "inner.zip", text: inner},
		{name: ".git/config.md", text: "x"}, {name: ".git/b.md", text: "x"}, {name: "notes/.DS_Store", text: "x"},
		{name: "__MACOSX/notes/._a.md", text: "x"},
	})
	found, paths, failed := archived(t, name, addCommand{})
	if diff := cmp.Diff([]string{"b.txt", "notes/a.md"}, paths); diff != "" || len(failed) != 0 {
		t.Errorf("%v (-want +got):\n%s", failed, diff)
	}
	if diff := cmp.Diff(skipped{Hidden: 3, OtherType: 2, Empty: 1, Archives: 1}, found.skipped); diff != "" {
		t.Errorf("skipped (-want +got):\n%s", diff)
	}
}

// TestNamesInArchives adds files whose names lead elsewhere, or are not UTF-8. They
// are names of memos, and of nothing on the disk.
func TestNamesInArchives(t *testing.T) {
	t.Parallel()
	old := zip.FileHeader{NonUTF8: true}
	tests := []struct {
		name   string
		header zip.FileHeader
		want   string
	}{
		{"../../etc/x.md", zip.FileHeader{}, "etc/x.md"},
		{"/etc/x.md", zip.FileHeader{}, "etc/x.md"},
		{`..\..\windows\x.md`, zip.FileHeader{}, "windows/x.md"},
		{`C:\windows\x.md`, zip.FileHeader{}, "windows/x.md"},
		{"a//b/./c/../x.md", zip.FileHeader{}, "a/b/x.md"},
		{"a\x1b[31m\x00\n.md", zip.FileHeader{}, "a_[31m__.md"},
		{"Gr\x81\xe1e.md", old, "Grüße.md"},
		{"Grüße.md", old, "Grüße.md"}, // as Macs write it, without saying so
		{"Grüße.md", zip.FileHeader{}, "Grüße.md"},
	}
	for _, tt := range tests {
		t.Run(tt.want, func(t *testing.T) {
			t.Parallel()
			name := writeZIP(t, filepath.Join(t.TempDir(), "a.zip"), entries{{name: tt.name, text: "x", header: tt.header}})
			found, paths, _ := archived(t, name, addCommand{})
			if !slices.Equal(paths, []string{tt.want}) {
				t.Fatalf("%q, want %q", paths, tt.want)
			}
			it := found.items[0]
			whole := name + inArchive + tt.want
			if it.ref != "file:"+filepath.ToSlash(whole) || it.metadata[metaPath] != whole || it.metadata[metaArchive] != name {
				t.Errorf("reference id %q, metadata %v", it.ref, it.metadata)
			}
		})
	}
}

// A hostileArchive is one that is not what it says, and what is found in it.
type hostileArchive struct {
	name    string
	content []byte
	command addCommand
	want    []string
	failed  map[string]string // "" is the archive
}

// check adds the archive.
func (h hostileArchive) check(t *testing.T) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "a.zip")
	change(t, name, string(h.content))
	_, paths, failed := archived(t, name, h.command)
	if !slices.Equal(paths, h.want) {
		t.Errorf("found %v, want %v", paths, h.want)
	}
	for file, want := range h.failed {
		if !strings.HasPrefix(failed[file], want) || len(failed) != len(h.failed) {
			t.Errorf("failed %v, want %v", failed, h.failed)
		}
	}
}

func TestBombs(t *testing.T) {
	t.Parallel()
	good := entry{name: "good.md", text: "good"}
	says := func(name string, packed, unpacked uint64) entry {
		header := zip.FileHeader{CompressedSize64: packed, UncompressedSize64: unpacked, Method: zip.Deflate}
		return entry{name: name, text: "x", header: header, raw: true}
	}
	const huge = 1<<64 - 1
	for _, tt := range []hostileArchive{
		{
			"one file", zipped(t, entries{good, says("bomb.txt", 1<<20, 1<<31)}), addCommand{}, []string{"good.md"},
			map[string]string{"bomb.txt": "the file unpacks to more than 200 times its size"},
		},
		{
			"files that share their bytes", zipped(t, entries{
				good, says("a.txt", 1<<40, 1<<28), says("b.txt", 1<<40, 1<<28), says("c.txt", 1<<40, 1<<28),
			}), addCommand{}, nil,
			map[string]string{"": "the archive unpacks to more than 200 times its size"},
		},
		{
			"more than is wanted", zipped(t, entries{good, {name: "b.md", text: strings.Repeat("b", 1000)}}),
			addCommand{MaxUnpacked: 1000}, nil,
			map[string]string{"": "the archive unpacks to more than 1000 bytes; --max-unpacked can allow it"},
		},
		{
			"sizes beyond counting", zipped(t, entries{says("a.txt", 1<<62, huge), says("b.txt", 1<<62, huge)}),
			addCommand{}, nil,
			map[string]string{"": "the archive unpacks to more than 1.0 GiB; --max-unpacked can allow it"},
		},
		{
			"archives alone", zipped(t, entries{{name: "lib.zip", text: "PK"}}), addCommand{}, nil,
			map[string]string{"": "there is nothing in the archive that can be added"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.check(t)
		})
	}
}

func TestBrokenArchives(t *testing.T) {
	t.Parallel()
	const noArchive = "not a ZIP archive, or a part of one: "
	good := entry{name: "good.md", text: "good"}
	whole := zipped(t, entries{good, {name: "b.md", text: strings.Repeat("b", 1000)}})
	for _, tt := range []hostileArchive{
		{
			"encrypted", zipped(t, entries{good, {name: "b.md", text: "b", header: zip.FileHeader{Flags: 1}}}),
			addCommand{}, []string{"good.md"},
			map[string]string{"b.md": "the file is encrypted; unpack the archive with its password and add the folder"},
		},
		{
			"a name twice", zipped(t, entries{good, {name: "./good.md", text: "bad"}}), addCommand{}, []string{"good.md"},
			map[string]string{"good.md": "the archive has several files of this name; the first is taken"},
		},
		{"truncated", whole[:len(whole)-40], addCommand{}, nil, map[string]string{"": noArchive}},
		{"empty", nil, addCommand{}, nil, map[string]string{"": noArchive}},
		{"text", []byte("PK\x03\x04 or not"), addCommand{}, nil, map[string]string{"": noArchive}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.check(t)
		})
	}
}

func TestArchivesOfTooManyEntries(t *testing.T) {
	t.Parallel()
	const want = "the archive has more than 100,000 entries"
	dir := t.TempDir()
	list := make(entries, maxEntries+1)
	for i := range list {
		list[i] = entry{name: "a.md", raw: true}
	}
	_, _, failed := archived(t, writeZIP(t, filepath.Join(dir, "many.zip"), list), addCommand{})
	if failed[""] != want {
		t.Errorf("many: %v", failed)
	}
	file, err := os.Open(writeZIP(t, filepath.Join(dir, "long.zip"), entries{{name: strings.Repeat("x", 10_000) + ".md"}}))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, _, err := readDirectory(file, 10_000); err == nil || err.Error() != want {
		t.Errorf("a long list: %v", err)
	}
	if got, _, err := readDirectory(file, 100_000); err != nil || len(got) != 1 {
		t.Errorf("a list that is not too long: %v", err)
	}
}

// TestFilesThatAreNotWhatTheArchiveSays lets those fail alone, while they are read.
func TestFilesThatAreNotWhatTheArchiveSays(t *testing.T) {
	t.Parallel()
	srv := clienttest.Start(t)
	stored := func(size uint64) zip.FileHeader {
		return zip.FileHeader{CompressedSize64: size, UncompressedSize64: size, Method: zip.Store, CRC32: 1}
	}
	name := writeZIP(t, filepath.Join(t.TempDir(), "a.zip"), entries{
		{name: "good.md", text: "# Good\n\ntext"},
		{name: "sum.md", text: "damaged", header: stored(7), raw: true},
		{name: "method.md", text: "odd", header: zip.FileHeader{
			CompressedSize64: 3, UncompressedSize64: 3, Method: 99,
		}, raw: true},
		{name: "long.md", text: "\x4b\x44\x05\x00", header: zip.FileHeader{
			CompressedSize64: 4, UncompressedSize64: 1, Method: zip.Deflate,
		}, raw: true},
	})
	r := add(t, srv, exitFailed, name)
	errs := map[string]string{}
	for _, o := range r.Files {
		errs[strings.TrimPrefix(o.Path, name+inArchive)] = o.Error
	}
	want := map[string]string{
		"good.md":   "",
		"sum.md":    "the archive is damaged: zip: checksum error",
		"method.md": "the file is packed by a method that is not known here (99)",
		"long.md":   "the archive is damaged: zip: not a valid zip file",
	}
	if diff := cmp.Diff(want, errs); diff != "" || r.Added != 1 || r.Failed != 3 {
		t.Errorf("%d added, %d failed (-want +got):\n%s", r.Added, r.Failed, diff)
	}
	if diff := cmp.Diff(map[string]string{"Good": "# Good\n\ntext"}, contents(srv)); diff != "" {
		t.Errorf("memos (-want +got):\n%s", diff)
	}
}

func TestAnArchiveIsKeptEqual(t *testing.T) {
	t.Parallel()
	srv := clienttest.Start(t)
	dir := t.TempDir()
	name := writeZIP(t, filepath.Join(dir, "a.zip"), entries{
		{name: "a.md", text: "a"}, {name: "b.md", text: "b"}, {name: "c.html", text: "<p>c"},
	})
	if r := add(t, srv, 0, name, name); r.Added != 3 {
		t.Errorf("first: %+v", r)
	}
	writeZIP(t, name, entries{{name: "a.md", text: "a"}, {name: "c.html", text: "<p>changed"}})
	if r := rehearse(t, srv, name); r.Unchanged != 1 || r.Replaced != 1 {
		t.Errorf("dry run: %+v", r)
	}
	// The folder is searched without opening archives, so it says nothing of them.
	if r := add(t, srv, 0, "--prune", dir); r.Pruned != 0 || r.Skipped.Archives != 1 {
		t.Errorf("the folder: %+v", r)
	}
	if r := add(t, srv, 0, "--prune", name); r.Unchanged != 1 || r.Replaced != 1 || r.Pruned != 1 {
		t.Errorf("second: %+v", r)
	}
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	if r := add(t, srv, 0, "--prune", dir); r.Pruned != 2 {
		t.Errorf("without the archive: %+v", r)
	}
}

func TestInterruptedInAnArchive(t *testing.T) {
	t.Parallel()
	srv := clienttest.Start(t)
	name := writeZIP(t, filepath.Join(t.TempDir(), "a.zip"), entries{
		{name: "a.md", text: "a"}, {name: "b.html", text: "<p>b"}, {name: "c.md", text: "c"},
	})
	found, _, _ := archived(t, name, addCommand{})
	ctx, cancel := context.WithCancel(t.Context())
	open := found.items[1].open
	found.items[1].open = func() (io.ReadCloser, error) {
		cancel()
		return open()
	}
	s, c, _ := newSession(srv)
	got := (&syncer{client: c, session: s, jobs: 1}).upload(ctx, "Adding", found.items)
	if len(got) != 1 || got[0].Action != actionAdded || len(srv.Memos()) != 1 {
		t.Errorf("%+v", got)
	}
}
