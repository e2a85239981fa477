package cli

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"kvasir/client/clienttest"
)

// gathered returns what an add command finds, the paths below dir.
func gathered(t *testing.T, dir string, c addCommand) (*scanned, []string, error) {
	t.Helper()
	c.MaxPages, c.MaxUnpacked = cmp.Or(c.MaxPages, 1000), cmp.Or(c.MaxUnpacked, 1<<30)
	s, _, _ := newSession(clienttest.Start(t))
	found, err := c.gather(t.Context(), s)
	t.Cleanup(found.close)
	paths := []string{}
	for _, it := range found.items {
		paths = append(paths, filepath.ToSlash(strings.TrimPrefix(it.path, dir+string(filepath.Separator))))
	}
	slices.Sort(paths)
	return found, paths, err
}

func TestPatterns(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{
		"a.md": "a", "b.md": "b", "c.txt": "c", "d.exe": "MZ", "empty.md": "", ".hidden.md": "h", "[x].md": "x",
		"sub/a.md": "a", "sub/deep/b.md": "b", "sub/deep/deeper/c.txt": "c", "sub/.git/a.md": "g", "other/a.md": "a",
	})
	writeZIP(t, filepath.Join(dir, "z.zip"), entries{{name: "in.md", text: "z"}})
	if err := os.Symlink(filepath.Join(dir, "a.md"), filepath.Join(dir, "link.md")); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		pattern string
		want    []string
		skipped skipped
	}{
		{"*.txt", []string{"c.txt"}, skipped{}},
		{"?.md", []string{"a.md", "b.md"}, skipped{}},
		{"[!b-z].md", []string{"a.md"}, skipped{}},
		{"[^b-z].md", []string{"a.md"}, skipped{}},
		{"[x].md", []string{"[x].md"}, skipped{}}, // it is there, and so it is no pattern
		{"*.md", []string{"[x].md", "a.md", "b.md", "link.md"}, skipped{Empty: 1}},
		{"*.exe", []string{}, skipped{OtherType: 1}},
		{".*.md", []string{".hidden.md"}, skipped{}},
		{"*.zip", []string{"z.zip!/in.md"}, skipped{}},
		{"*/a.md", []string{"other/a.md", "sub/a.md"}, skipped{}},
		{"*/a.md/", []string{"other/a.md", "sub/a.md"}, skipped{}},
		{"**/a.md", []string{"a.md", "other/a.md", "sub/a.md"}, skipped{}},
		{"**/**/b.md", []string{"b.md", "sub/deep/b.md"}, skipped{}},
		{"sub/**/*.txt", []string{"sub/deep/deeper/c.txt"}, skipped{}},
		{"sub/.git/*", []string{"sub/.git/a.md"}, skipped{}},
		{"**/deep", []string{"sub/deep/b.md", "sub/deep/deeper/c.txt"}, skipped{}},
		{"s*", []string{"sub/a.md", "sub/deep/b.md", "sub/deep/deeper/c.txt"}, skipped{Hidden: 1}},
		{"sub/**", []string{"sub/a.md", "sub/deep/b.md", "sub/deep/deeper/c.txt"}, skipped{Hidden: 1}},
	}
	for _, tt := range tests {
		t.Run(tt.pattern, func(t *testing.T) {
			t.Parallel()
			pattern := filepath.Join(dir, filepath.FromSlash(tt.pattern))
			if strings.HasSuffix(tt.pattern, "/") {
				pattern += "/"
			}
			found, paths, err := gathered(t, dir, addCommand{Paths: []string{pattern}})
			if err != nil {
				t.Fatal(err)
			}
			if diff := gocmp.Diff(tt.want, paths); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if diff := gocmp.Diff(tt.skipped, found.skipped); diff != "" {
				t.Errorf("skipped (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPatternsThatFitNothing(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{"sub/a.md": "a"})
	tests := []struct{ pattern, want string }{
		{"*.txt", "*.txt: nothing fits the pattern"},
		{"*.md", "*.md: nothing fits the pattern"}, // it is in sub
		{"no/*.md", "*.md: nothing fits the pattern"},
		{"no/**", "**: nothing fits the pattern"},
		{"[a.md", "[a.md: the pattern is not complete"},
	}
	for _, tt := range tests {
		_, paths, err := gathered(t, dir, addCommand{Paths: []string{filepath.Join(dir, tt.pattern)}})
		if err == nil || !strings.HasSuffix(err.Error(), tt.want) || len(paths) != 0 {
			t.Errorf("%s: %v, %v", tt.pattern, paths, err)
		}
	}
}

func TestLinksToFolders(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{"real/a.md": "a", "links/b.md": "b"})
	link := filepath.Join(dir, "links", "real")
	if err := os.Symlink(filepath.Join(dir, "real"), link); err != nil {
		t.Fatal(err)
	}
	for named, want := range map[string][]string{
		link:                              {"links/real/a.md"},
		filepath.Join(dir, "links", "r*"): {"links/real/a.md"},
		filepath.Join(dir, "links"):       {"links/b.md"}, // a link in a folder may lead anywhere, and in circles
	} {
		if _, paths, err := gathered(t, dir, addCommand{Paths: []string{named}}); err != nil || !slices.Equal(paths, want) {
			t.Errorf("%s: %v, %v, want %v", named, paths, err, want)
		}
	}
}

// TestWhatIsGoneFromAPattern prunes what the pattern would fit, and what would be
// below what it fits.
func TestWhatIsGoneFromAPattern(t *testing.T) {
	t.Parallel()
	srv := clienttest.Start(t)
	dir := write(t, map[string]string{
		"a.md": "a", "b.md": "b", "c.txt": "c", "docs1/x.md": "x", "docs2/y/z.md": "z", "other/w.md": "w",
	})
	add(t, srv, 0, dir)
	for _, name := range []string{"b.md", "c.txt", "docs2/y/z.md", "other/w.md"} {
		if err := os.Remove(filepath.Join(dir, filepath.FromSlash(name))); err != nil {
			t.Fatal(err)
		}
	}
	r := add(t, srv, 0, "--prune", filepath.Join(dir, "*.md"))
	if r.Pruned != 1 || r.Files[0].Path != filepath.Join(dir, "b.md") {
		t.Errorf("for *.md: %+v", r)
	}
	if r := add(t, srv, 0, "--prune", filepath.Join(dir, "docs*")); r.Pruned != 1 {
		t.Errorf("for docs*: %+v", r)
	}
	if n := len(srv.Memos()); n != 4 {
		t.Errorf("%d memos are left", n)
	}
}

func TestAFolderThatCannotBeReadFailsAlone(t *testing.T) {
	t.Parallel()
	found := &scanned{seen: map[string]bool{}}
	dir := write(t, map[string]string{"a.md": "a"})
	walk := found.walker(t.Context(), dir)
	d := fs.FileInfoToDirEntry(stat(t, filepath.Join(dir, "a.md")))
	if err := errors.Join(walk("closed", nil, os.ErrPermission), walk(filepath.Join(dir, "a.md"), d, nil)); err != nil {
		t.Fatal(err)
	}
	if len(found.items) != 1 || len(found.failed) != 1 || found.failed[0].Error != "permission denied" {
		t.Errorf("%+v", found)
	}
}

func stat(t *testing.T, name string) fs.FileInfo {
	t.Helper()
	info, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	return info
}
