package ingest_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"kvasir/internal/ingest"
	"kvasir/internal/llm"
	"kvasir/internal/memo"
	"kvasir/internal/store"
)

// A pairing is a room with two models, whose versions are those of the store.
type pairing struct {
	*room
	second *models
}

func pair(t *testing.T, second *models) *pairing {
	t.Helper()
	p := &pairing{room: open(t, t.TempDir(), &models{name: "m"}), second: second}
	known := []store.VersionOf{{Model: "m", Chunker: ingest.Chunker(p.models)}}
	if _, err := p.store.EnsureVersion(t.Context(), known, time.Now()); err != nil {
		t.Fatal(err)
	}
	p.models.set(func(m *models) { m.versions = p.versions })
	return p
}

// versions reads them anew each time.
func (p *pairing) versions() []ingest.Version {
	list, err := p.store.Versions(p.t.Context())
	if err != nil && p.t.Context().Err() == nil {
		p.t.Error(err)
	}
	if len(list) == 0 { // the test has ended
		list = []memo.IndexVersion{{ID: 1, State: memo.VersionLive, Cut: 1}}
	}
	kept := make([]ingest.Version, len(list))
	for i, v := range list {
		kept[i].IndexVersion = v
		switch v.Model {
		case p.models.name:
			kept[i].Embedder = p.models
		case p.second.name:
			kept[i].Embedder = p.second
		}
	}
	return kept
}

// start begins a version for the second model.
func (p *pairing) start() {
	p.t.Helper()
	of := store.VersionOf{Model: p.second.name, Chunker: ingest.Chunker(p.second)}
	if err := p.store.StartVersion(p.t.Context(), of, time.Now()); err != nil {
		p.t.Fatal(err)
	}
}

// next returns the version that is built, when it is as wanted.
func (p *pairing) next(want func(memo.IndexVersion) bool) memo.IndexVersion {
	p.t.Helper()
	for range 3000 {
		for _, v := range p.versions() {
			if v.State == memo.VersionNext && want(v.IndexVersion) {
				return v.IndexVersion
			}
		}
		poll := time.NewTimer(10 * time.Millisecond)
		<-poll.C
	}
	p.t.Fatalf("the versions are stuck: %+v", p.versions())
	return memo.IndexVersion{}
}

// sees returns what an index of a version sees of a memo.
func (p *pairing) sees(v memo.IndexVersion, id memo.ID) []memo.IndexedChunk {
	p.t.Helper()
	changes, err := p.store.Source(v).Changes(p.t.Context(), p.project, v.Model, 0, 1000)
	if err != nil {
		p.t.Fatal(err)
	}
	for _, c := range changes {
		if c.Memo == id {
			return c.Chunks
		}
	}
	return nil
}

// whole wants an index of a version to have vectors of all passages of a memo.
func (p *pairing) whole(v memo.IndexVersion, id memo.ID) {
	p.t.Helper()
	chunks := p.sees(v, id)
	if len(chunks) == 0 || slices.ContainsFunc(chunks, func(c memo.IndexedChunk) bool { return c.Vector == nil }) {
		p.t.Errorf("version %d has %+v of %s", v.ID, chunks, id)
	}
}

func TestTheNextVersionIsBuiltBeside(t *testing.T) {
	t.Parallel()
	p := pair(t, &models{name: "n"})
	p.run()
	id := p.add(words(60))
	poisoned := p.add("This is fine.")
	p.wait(id, ended)
	p.wait(poisoned, ended)
	bought := len(p.models.asked())
	before := p.find(id)
	p.start()
	next := p.next(memo.IndexVersion.Complete)
	p.whole(next, id)
	if next.Cut != 1 || len(p.sees(next, id)) != len(before.Chunks) {
		t.Errorf("what is cut alike has other passages: %+v", next)
	}
	if n := len(p.models.asked()); n != bought {
		t.Errorf("%d texts were bought again for the live version", n-bought)
	}
	if n := len(p.second.asked()); n != bought {
		t.Errorf("%d texts were bought for the next version, want %d", n, bought)
	}

	// What comes now is in both at once.
	later := p.add(words(20))
	p.wait(later, ended)
	if v := p.next(func(memo.IndexVersion) bool { return true }); !v.Complete() {
		t.Errorf("a new memo left something to be done: %+v", v)
	}
	p.whole(next, later)
}

func TestTextsAreCutAnewForAModelThatReadsLess(t *testing.T) {
	t.Parallel()
	p := pair(t, &models{name: "n", limit: 30})
	p.run()
	id := p.addEnriched(words(30), memo.AspectContext, memo.AspectQuestions)
	short := p.addEnriched("Ducks swim.", memo.AspectContext)
	p.wait(id, ended)
	p.wait(short, ended)
	p.start()
	next := p.next(memo.IndexVersion.Complete)
	live := p.find(id)
	cut := p.sees(next, id)
	if len(cut) <= len(live.Chunks) {
		t.Errorf("there are %d passages, and %d for the model that reads less", len(live.Chunks), len(cut))
	}
	p.whole(next, id)
	for _, text := range p.second.asked() {
		if n := p.second.CountTokens(text); n > 30 {
			t.Errorf("the model was given %d tokens", n)
		}
	}
	// A passage with the same bounds keeps what was written about it.
	if c := p.sees(next, short); len(c) != 1 || !strings.Contains(c[0].Text, "From the part") {
		t.Errorf("the passage that is cut alike is %+v", c)
	}

	// A memo that comes now is cut twice; after the flip it shows as the other is cut.
	later := p.add(words(30))
	p.wait(later, ended)
	p.whole(next, later)
	before := len(p.find(later).Chunks)
	if err := p.store.FlipVersion(t.Context(), time.Now()); err != nil {
		t.Fatal(err)
	}
	if after := len(p.find(later).Chunks); after <= before {
		t.Errorf("the memo has %d passages, and had %d", after, before)
	}
	edited := p.add(words(10))
	p.wait(edited, ended)
	for _, v := range p.versions() {
		p.whole(v.IndexVersion, edited)
	}
}

func TestTextsAreCutAnewForTheSameModel(t *testing.T) {
	t.Parallel()
	p := pair(t, &models{name: "n"})
	end := p.run()
	id := p.add(words(30))
	p.wait(id, ended)
	end()
	before := len(p.find(id).Chunks)
	p.models.limit = 30 // nothing runs that could read it
	p.second = p.models
	p.run()
	p.start()
	p.next(memo.IndexVersion.Complete)
	if err := p.store.FlipVersion(t.Context(), time.Now()); err != nil {
		t.Fatal(err)
	}
	if after := len(p.find(id).Chunks); after <= before {
		t.Errorf("the memo has %d passages, and had %d", after, before)
	}
	p.whole(p.versions()[0].IndexVersion, id)
	if err := p.store.DropVersion(t.Context(), memo.VersionFormer); err != nil {
		t.Fatal(err)
	}
	if err := p.store.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.whole(p.versions()[0].IndexVersion, id)
}

func TestAVersionWhoseModelIsDownDelaysNothing(t *testing.T) {
	t.Parallel()
	p := pair(t, &models{name: "n"})
	p.run()
	p.start()
	p.next(memo.IndexVersion.Complete)
	p.second.set(func(m *models) { m.down = true })
	for range 2 {
		id := p.add(words(10))
		if at := p.wait(id, ended); at.Stage != memo.StageProcessed {
			t.Errorf("the memo ended as %s: %s", at.Stage, at.Error)
		}
	}
	v := p.next(func(v memo.IndexVersion) bool { return !v.Complete() })
	if v.Dirty-v.Done != 2 {
		t.Errorf("the version is %+v; two memos are to be made later", v)
	}
	if size, err := p.store.VersionSize(t.Context(), v); err != nil || size.Lacking == 0 {
		t.Errorf("it lacks %+v, %v", size, err)
	}
}

func TestATextThatTheModelRefusesIsPassedOver(t *testing.T) {
	t.Parallel()
	p := pair(t, &models{name: "n"})
	p.run()
	id := p.add(words(40))
	p.wait(id, ended)
	p.models.set(func(m *models) { m.kind = true })
	bad := p.add("This is poison.")
	if at := p.wait(bad, ended); at.Stage != memo.StageProcessed {
		t.Fatalf("ended as %s: %s", at.Stage, at.Error)
	}
	p.start()
	next := p.next(memo.IndexVersion.Complete)
	p.whole(next, id)
	if size, err := p.store.VersionSize(t.Context(), next); err != nil || size.Lacking != 1 {
		t.Errorf("it lacks %+v, %v; want the one passage", size, err)
	}
}

func TestAVersionThatIsGivenUpIsDropped(t *testing.T) {
	t.Parallel()
	gate := make(chan struct{})
	p := pair(t, &models{name: "n", gate: gate, limit: 30})
	p.run()
	id := p.add(words(60))
	p.wait(id, ended)
	p.start()
	next := p.next(func(v memo.IndexVersion) bool { return len(p.second.asked()) > 0 })
	if err := p.store.DropVersion(t.Context(), memo.VersionNext); err != nil {
		t.Fatal(err)
	}
	close(gate)
	for range 3000 {
		if size, err := p.store.VersionSize(t.Context(), next); err == nil && len(p.sees(next, id)) == 0 && size.Lacking > 0 {
			break
		}
		poll := time.NewTimer(10 * time.Millisecond)
		<-poll.C
	}
	if left := p.sees(next, id); len(left) > 0 {
		t.Errorf("there is still %+v", left)
	}
	p.whole(p.versions()[0].IndexVersion, id)
}

func TestChunkersAreNamed(t *testing.T) {
	t.Parallel()
	for want, e := range map[string]ingest.Embedder{
		"text/1 words=180":                       nil,
		"text/1 words=180 tokens=100 by=words":   &models{name: "m"},
		"text/1 words=180 tokens=8000 by=words":  &models{name: "m", limit: 8191},
		"text/1 words=180 tokens=8000 by=words ": &models{name: "m", limit: 32_000},
	} {
		if got := ingest.Chunker(e); got != strings.TrimSpace(want) {
			t.Errorf("Chunker(%+v) = %q, want %q", e, got, want)
		}
	}
	if llm.PriorityReindex <= llm.PriorityEnrich {
		t.Error("what is built for nobody yet comes before what is waited for")
	}
}
