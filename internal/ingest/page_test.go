package ingest_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"kvasir/internal/memo"
)

func (r *room) addPage(url string) memo.ID {
	r.t.Helper()
	id, err := r.Add(r.t.Context(), r.project, memo.Draft{
		Attributes: memo.Attributes{Title: url}, URL: url, Untitled: true,
	}, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	return id
}

func TestAPageIsLoadedAndKept(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if asked.Add(1) == 1 {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		_, _ = io.WriteString(w, words(40))
	}))
	defer site.Close()
	r := open(t, t.TempDir(), &models{name: "m"})
	r.run()
	id := r.addPage(site.URL)
	p := r.wait(id, func(p memo.Progress) bool { return p.WaitingFor != "" })
	if p.Stage != memo.StageFetching || p.WaitingFor != "The site answers with 502" {
		t.Errorf("in stage %s it waits for %q", p.Stage, p.WaitingFor)
	}
	if p := r.wait(id, ended); p.Stage != memo.StageProcessed {
		t.Fatalf("ended as %s: %s", p.Stage, p.Error)
	}
	m := r.find(id)
	if m.Title != "As the file says" || m.URL != site.URL || m.Type != memo.TypeDocument || m.File == nil ||
		m.File.Name != "page.html" || *m.Content != words(40) {
		t.Errorf("the page is %+v with %+v", m.Attributes, m.File)
	}
	first, last := m.Chunks[0], m.Chunks[len(m.Chunks)-1]
	if first.Page != 1 || last.Page != 2 || len(m.Parts) != 2 {
		t.Errorf("chunks on pages %d and %d, parts %+v", first.Page, last.Page, m.Parts)
	}
	if text := r.live()[id].Chunks[0].Heading; !strings.HasPrefix(text, "As the file says") {
		t.Errorf("the index sees %q", text)
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
