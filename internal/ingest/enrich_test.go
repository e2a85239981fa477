package ingest_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kvasir/internal/fault"
	"kvasir/internal/ingest"
	"kvasir/internal/memo"
)

func (r *room) addEnriched(content string, aspects ...memo.Aspect) memo.ID {
	r.t.Helper()
	id, err := r.Add(r.t.Context(), r.project, memo.Draft{
		Attributes: memo.Attributes{Title: "Title", Tags: []string{"mine", "ducks"}}, Content: content,
		Processing: memo.Processing{ChunkWords: 40, Enrich: aspects},
	}, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	return id
}

// asksFor counts the requests whose task has the word.
func (r *room) asksFor(word string) int {
	n := 0
	r.models.set(func(m *models) {
		for _, req := range m.asks {
			if ask, _, _ := strings.Cut(req.Messages[2].Text, "<<<passage"); strings.Contains(ask, word) {
				n++
			}
		}
	})
	return n
}

func TestAModelWritesWhatIsWanted(t *testing.T) {
	t.Parallel()
	r := open(t, t.TempDir(), &models{name: "m"})
	r.run()
	id := r.addEnriched(words(20), memo.Aspects()...)
	p := r.wait(id, ended)
	m := r.find(id)
	if len(m.Chunks) < 3 || p.EnrichDone != 2+2*len(m.Chunks) || p.EnrichTotal != p.EnrichDone {
		t.Fatalf("%d chunks, %d of %d texts are written: %s", len(m.Chunks), p.EnrichDone, p.EnrichTotal, p.Error)
	}
	if m.Summary == nil || *m.Summary != "About ducks." {
		t.Errorf("summary is %v", m.Summary)
	}
	if diff := cmp.Diff([]string{"mine", "ducks", "water birds", "herons"}, m.Tags); diff != "" {
		t.Errorf("tags (-want +got):\n%s", diff)
	}
	for _, c := range m.Chunks {
		begin := strings.Join(strings.Fields(c.Content)[:1], " ")
		if !strings.HasPrefix(c.Context, "From the part that begins with ") || !strings.Contains(c.Context, begin) ||
			!slices.Equal(c.Questions, []string{"What swims?", "What flies?"}) {
			t.Errorf("chunk %d has context %q and questions %q", c.Index, c.Context, c.Questions)
		}
		if got := *m.Content; got[c.Start:c.End] != c.Content {
			t.Errorf("chunk %d is %q, want the content's bytes %d to %d", c.Index, c.Content, c.Start, c.End)
		}
		if !slices.Contains(r.models.asked(), memo.IndexText("Title", &c)) {
			t.Errorf("the text of chunk %d was not embedded with its context", c.Index)
		}
	}
	for _, c := range r.live()[id].Chunks {
		if !strings.Contains(c.Text, "From the part") || !strings.Contains(c.Text, "What swims?") || c.Vector == nil {
			t.Errorf("the index sees %q", c.Text)
		}
	}
	requests := r.models.asks
	for i, req := range requests {
		if req.Messages[1] != requests[0].Messages[1] || !req.Messages[1].Cache {
			t.Errorf("request %d does not begin as the others do", i)
		}
	}
}

func TestWhatAModelRefusesIsLeftOut(t *testing.T) {
	t.Parallel()
	r := open(t, t.TempDir(), &models{name: ""})
	r.run()
	id := r.addEnriched(words(10)+"\n\nThis one is poison. "+words(5), memo.AspectContext)
	if p := r.wait(id, ended); p.Stage != memo.StageProcessed {
		t.Fatalf("ended as %s: %s", p.Stage, p.Error)
	}
	m := r.find(id)
	if len(m.Enrichments) != 1 || m.Enrichments[0].Error != "test: bad request (HTTP 400): no poison please" {
		t.Errorf("refused: %+v", m.Enrichments)
	}
	for _, c := range m.Chunks {
		if (c.Context == "") != strings.Contains(c.Content, "poison") {
			t.Errorf("chunk %q has the context %q", c.Content, c.Context)
		}
	}
}

func TestNothingIsWrittenTwice(t *testing.T) {
	t.Parallel()
	r := open(t, t.TempDir(), &models{name: "m", faint: 3})
	r.run()
	id := r.addEnriched(words(20), memo.AspectSummary, memo.AspectContext)
	if p := r.wait(id, func(p memo.Progress) bool { return p.WaitingFor != "" }); !strings.Contains(p.WaitingFor, "503") {
		t.Errorf("waits for %q", p.WaitingFor)
	}
	r.models.set(func(m *models) { m.faint, m.asks = 0, nil })
	p := r.wait(id, ended)
	if n := len(r.models.asks); p.Stage != memo.StageProcessed || n != p.EnrichTotal-3 {
		t.Errorf("ended as %s; %d texts were written again, of %d", p.Stage, n-(p.EnrichTotal-3), p.EnrichTotal)
	}
}

func TestOneAspectIsWrittenAgain(t *testing.T) {
	t.Parallel()
	r := open(t, t.TempDir(), &models{name: "m"})
	r.run()
	ctx, id := t.Context(), r.addEnriched(words(20), memo.AspectSummary)
	r.wait(id, ended)
	embedded := len(r.models.asked())
	if _, err := r.Enrich(ctx, r.project, memo.Ref{ID: id}, []memo.Aspect{memo.AspectSummary}); err != nil {
		t.Fatal(err)
	}
	r.wait(id, func(p memo.Progress) bool { return ended(p) && r.asksFor("paragraph") == 2 })
	if n := len(r.models.asked()) - embedded; n != 0 {
		t.Errorf("a new summary had %d chunks embedded again", n)
	}
	if _, err := r.Enrich(ctx, r.project, memo.Ref{ID: id}, []memo.Aspect{memo.AspectContext}); err != nil {
		t.Fatal(err)
	}
	p := r.wait(id, func(p memo.Progress) bool { return ended(p) && r.asksFor("passage stands") > 0 })
	m := r.find(id)
	if n := len(r.models.asked()) - embedded; n != len(m.Chunks) || p.Generation != 1 || r.asksFor("paragraph") != 2 {
		t.Errorf("%d of %d chunks embedded again, generation %d", n, len(m.Chunks), p.Generation)
	}
	for _, c := range r.live()[id].Chunks {
		if !strings.Contains(c.Text, "From the part") || c.Vector == nil {
			t.Errorf("the index sees %q", c.Text)
		}
	}
}

func TestANewTitleCostsNoNewSummary(t *testing.T) {
	t.Parallel()
	r := open(t, t.TempDir(), &models{name: "m"})
	r.run()
	id := r.addEnriched(words(20), memo.AspectSummary, memo.AspectContext)
	r.wait(id, ended)
	title := "Another title"
	if _, err := r.Update(t.Context(), r.project, memo.Ref{ID: id}, memo.Patch{Title: &title}); err != nil {
		t.Fatal(err)
	}
	r.wait(id, func(p memo.Progress) bool { return ended(p) && p.Generation == 2 })
	m := r.find(id)
	if n := r.asksFor("paragraph"); n != 1 || m.Summary == nil {
		t.Errorf("the summary was written %d times, it is %v", n, m.Summary)
	}
	if n := r.asksFor("passage stands"); n != 2*len(m.Chunks) {
		t.Errorf("%d contexts were written for %d chunks under two titles", n, len(m.Chunks))
	}
}

func TestTheProjectsWayIsTheDefault(t *testing.T) {
	t.Parallel()
	r := open(t, t.TempDir(), &models{name: "m"})
	r.run()
	how := memo.Processing{ChunkWords: 20, Enrich: []memo.Aspect{memo.AspectSummary}}
	if err := r.SetProcessing(t.Context(), r.project, how); err != nil {
		t.Fatal(err)
	}
	usual := r.add(words(20))
	other, err := r.Add(t.Context(), r.project, memo.Draft{
		Attributes: memo.Attributes{Title: "Title"}, Content: words(20),
		Processing: memo.Processing{ChunkWords: 100, Enrich: []memo.Aspect{}},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.wait(usual, ended)
	r.wait(other, ended)
	a, b := r.find(usual), r.find(other)
	if len(a.Chunks) < 2*len(b.Chunks) || a.Summary == nil || b.Summary != nil {
		t.Errorf("%d and %d chunks, summaries %v and %v", len(a.Chunks), len(b.Chunks), a.Summary, b.Summary)
	}
}

func TestNobodyToWriteIsSaidAtOnce(t *testing.T) {
	t.Parallel()
	s := ingest.New(nil, ingest.Originals{}, nil, nil, nil)
	draft := memo.Draft{Processing: memo.Processing{Enrich: []memo.Aspect{memo.AspectTags}}}
	if _, err := s.Add(t.Context(), "p", draft, nil); !fault.Is(err, fault.Invalid) ||
		!strings.Contains(err.Error(), "LLM_PROVIDER") {
		t.Errorf("Add: %v", err)
	}
}
