package ingest_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kvasir/internal/ingest"
	"kvasir/internal/memo"
)

// files lists the stored originals.
func (r *room) files() (names []string) {
	r.t.Helper()
	err := filepath.WalkDir(r.dir+"/blob", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			names = append(names, name)
		}
		return err
	})
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		r.t.Fatal(err)
	}
	return names
}

func (r *room) upload(name, content, reference string) memo.ID {
	r.t.Helper()
	d := memo.Draft{Attributes: memo.Attributes{Title: name}}
	upload := &ingest.Upload{Name: name, MIMEType: "text/plain", Body: strings.NewReader(content)}
	if reference == "" {
		id, err := r.Add(r.t.Context(), r.project, d, upload)
		if err != nil {
			r.t.Fatal(err)
		}
		return id
	}
	d.ReferenceID = &reference
	id, _, err := r.Upsert(r.t.Context(), r.project, d, upload)
	if err != nil {
		r.t.Fatal(err)
	}
	return id
}

func TestADocumentIsParsedAndItsFileGoesWithIt(t *testing.T) {
	t.Parallel()
	r := open(t, t.TempDir(), &models{name: "m"})
	r.run()
	id := r.upload("ducks.txt", "Ducks are birds.", "")
	if p := r.wait(id, ended); p.Stage != memo.StageProcessed {
		t.Fatalf("ended as %s: %s", p.Stage, p.Error)
	}
	m := r.find(id)
	if m.Type != memo.TypeDocument || *m.Content != "Ducks are birds." || *m.ContentLength != 16 {
		t.Errorf("document is %+v", m)
	}
	if got := r.files(); len(got) != 1 {
		t.Errorf("files kept: %v, want one", got)
	}
	if err := r.Delete(t.Context(), r.project, memo.Ref{ID: id}); err != nil {
		t.Fatal(err)
	}
	if got := r.files(); len(got) != 0 {
		t.Errorf("files after the delete: %v, want none", got)
	}
}

func TestABrokenDocumentSaysWhy(t *testing.T) {
	t.Parallel()
	r := open(t, t.TempDir(), &models{name: "m"})
	r.run()
	p := r.wait(r.upload("broken.pdf", "junk", ""), ended)
	if p.Stage != memo.StageError || p.Error != "broken.pdf is not a PDF" {
		t.Errorf("ended as %s with %q", p.Stage, p.Error)
	}
}

func TestUpsertReplacesByReference(t *testing.T) {
	t.Parallel()
	r := open(t, t.TempDir(), &models{name: "m"})
	r.run()
	id := r.upload("a.txt", "one", "ref")
	r.wait(id, ended)
	if again := r.upload("a.txt", "one", "ref"); again != id {
		t.Fatalf("the same file became memo %s, want %s", again, id)
	}
	if p := r.find(id).Progress; p.Generation != 1 || p.Stage != memo.StageProcessed {
		t.Errorf("an unchanged file is worked on again: %+v", p)
	}
	if again := r.upload("a.txt", "two", "ref"); again != id {
		t.Fatalf("the changed file became memo %s, want %s", again, id)
	}
	r.wait(id, func(p memo.Progress) bool { return p.Generation == 2 && ended(p) })
	if got := *r.find(id).Content; got != "two" {
		t.Errorf("content is %q, want the second file's", got)
	}
	// The first file goes after the commit that makes it needless.
	for range 500 {
		if len(r.files()) == 1 {
			return
		}
		poll := time.NewTimer(10 * time.Millisecond)
		<-poll.C
	}
	t.Errorf("files kept: %v, want the second alone", r.files())
}

func TestUpsertNeedsAReference(t *testing.T) {
	t.Parallel()
	r := open(t, t.TempDir(), &models{name: "m"})
	_, _, err := r.Upsert(t.Context(), r.project, memo.Draft{Content: "x"}, nil)
	if err == nil || err.Error() != "reference_id: Required" {
		t.Errorf("Upsert without a reference: %v", err)
	}
}
