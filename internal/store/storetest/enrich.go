package storetest

import (
	"slices"

	"kvasir/internal/fault"
	"kvasir/internal/memo"
)

// everything is what a model may write about a memo of two chunks.
func everything() []memo.Enrichment {
	return []memo.Enrichment{
		{Aspect: memo.AspectSummary, Texts: []string{"About ducks."}},
		{Aspect: memo.AspectTags, Texts: []string{"duck", "mine"}},
		{Aspect: memo.AspectContext, Chunk: 0, Texts: []string{"The beginning."}},
		{Aspect: memo.AspectContext, Chunk: 1, Error: "The model refused."},
		{Aspect: memo.AspectQuestions, Chunk: 0, Texts: []string{"What swims?", "What flies?"}},
		{Aspect: memo.AspectQuestions, Chunk: 1, Texts: nil},
	}
}

// enriched stores a memo of two chunks about which everything is written, and
// claims it.
func (r *room) enriched() (memo.Work, []memo.Chunk) {
	r.Helper()
	d := plain("T", "some text")
	d.Tags, d.Processing.Enrich = []string{"mine"}, memo.Aspects()
	r.create(d)
	w := r.claimOne()
	chunks := halves(*w.Content)
	r.must(r.s.SaveChunks(r.Context(), w, chunks, memo.StageEnriching, r.now))
	r.must(r.s.SaveEnrichments(r.Context(), w, everything()))
	chunks[0].Context, chunks[0].Questions = "The beginning.", []string{"What swims?", "What flies?"}
	return w, chunks
}

// finish embeds the chunks and ends the work.
func (r *room) finish(w memo.Work, chunks []memo.Chunk) {
	r.Helper()
	r.must(r.s.SaveVectors(r.Context(), "model", vectorsOf(chunks)))
	_, err := r.s.Finish(r.Context(), w, r.tick())
	r.must(err)
}

func enrichmentShows(r *room) {
	ctx := r.Context()
	w, chunks := r.enriched()
	m := r.find(w.Memo)
	if m.Summary != nil || len(m.AutoTags) != 0 || len(m.Chunks) != 0 {
		r.Errorf("before its end: %+v", m)
	}
	if p := m.Progress; p.EnrichDone != 6 || p.EnrichTotal != 6 {
		r.Errorf("%d of %d texts are written, want 6 of 6", p.EnrichDone, p.EnrichTotal)
	}
	r.finish(w, chunks)
	m = r.find(w.Memo)
	if *m.Summary != "About ducks." || !slices.Equal(m.Tags, []string{"mine", "duck"}) ||
		!slices.Equal(m.AutoTags, []string{"duck"}) || len(m.TagIDs) != 2 {
		r.Errorf("summary %q, tags %v, of a model %v", *m.Summary, m.Tags, m.AutoTags)
	}
	r.same(chunks, m.Chunks, "the memo's chunks")
	r.same(everything()[:4:4][:2:2], m.Enrichments[:2:2], "what is written of the memo")
	r.same(everything()[3], m.Enrichments[2], "what could not be written")
	passages, err := r.s.Passages(ctx, r.p, []memo.ChunkID{chunks[0].ID})
	r.must(err)
	r.same(chunks[0], passages[0].Chunk, "the passage")
	if passages[0].Summary != "About ducks." {
		r.Errorf("the passage's summary is %q", passages[0].Summary)
	}
	missing, err := r.s.MissingVectors(ctx, memo.IndexVersion{Model: "other", Cut: 1}, "", 10)
	r.must(err)
	r.same(chunks[0], missing[0].Chunk, "what another model is to embed")
	changes, err := r.s.Changes(ctx, r.p, "model", 0, 10)
	r.must(err)
	if c := changes[0]; indexed(c, 0) != memo.IndexText("T", &chunks[0]) || !slices.Equal(c.Tags, m.Tags) {
		r.Errorf("indexed as %+v", c)
	}
}

func enrichmentResumes(r *room) {
	ctx := r.Context()
	w, chunks := r.enriched()
	r.must(r.s.Release(ctx, worker))
	w = r.claimOne()
	r.same(everything(), w.Enriched, "what is written already")
	r.same(chunks, w.Chunks, "the work's chunks")
	if w.Stage != memo.StageEnriching {
		r.Errorf("claimed in stage %s, want enriching", w.Stage)
	}
	r.must(r.s.SaveChunks(ctx, w, halves("text some"), memo.StageEnriching, r.now))
	r.must(r.s.Release(ctx, worker))
	if w = r.claimOne(); len(w.Enriched) != 2 || w.Chunks[0].Context != "" {
		r.Errorf("of other chunks is written %+v", w.Enriched)
	}
	if p := r.find(w.Memo).Progress; p.EnrichDone != 2 || p.EnrichTotal != 6 {
		r.Errorf("%d of %d texts are written, want 2 of 6", p.EnrichDone, p.EnrichTotal)
	}
}

func vectorsOfAnotherText(r *room) {
	ctx := r.Context()
	w, chunks := r.enriched()
	r.must(r.s.SaveVectors(ctx, "model", vectorsOf(chunks)))
	for _, step := range []struct {
		e     memo.Enrichment
		loses bool
	}{
		{memo.Enrichment{Aspect: memo.AspectSummary, Texts: []string{"another"}}, false},
		{memo.Enrichment{Aspect: memo.AspectContext, Texts: []string{"The beginning."}}, false},
		{memo.Enrichment{Aspect: memo.AspectContext, Texts: []string{"Another one."}}, true},
		{memo.Enrichment{Aspect: memo.AspectContext, Error: "refused"}, true},
		{memo.Enrichment{Aspect: memo.AspectContext, Error: "refused again"}, false},
		{memo.Enrichment{Aspect: memo.AspectQuestions, Texts: []string{"What swims?"}}, true},
	} {
		r.must(r.s.SaveEnrichments(ctx, w, []memo.Enrichment{step.e}))
		have, err := r.s.EmbeddedChunks(ctx, r.p, w.Memo, w.Generation, "model")
		if r.must(err); have[chunks[0].ID] == step.loses || !have[chunks[1].ID] {
			r.Errorf("after %+v: embedded %v", step.e, have)
		}
		r.must(r.s.SaveVectors(ctx, "model", vectorsOf(chunks)))
	}
}

func titleKeepsEnrichment(r *room) {
	w, chunks := r.enriched()
	r.finish(w, chunks)
	r.update(w.Memo, memo.Patch{Title: new("U")})
	w = r.claimOne()
	r.same(everything()[:2], w.Enriched, "under a new title")
	r.update(w.Memo, memo.Patch{Content: new("other text")})
	w = r.claimOne()
	if len(w.Enriched) != 0 || !w.Processing.Wants(memo.AspectContext) {
		r.Errorf("of a new text is written %+v, and wanted %v", w.Enriched, w.Processing)
	}
	r.process(w)
	if m := r.find(w.Memo); m.Summary != nil || len(m.AutoTags) != 0 {
		r.Errorf("a new text has the summary and tags of the old: %q, %v", *m.Summary, m.AutoTags)
	}
}

func tagsOfAModel(r *room) {
	ctx := r.Context()
	w, chunks := r.enriched()
	r.finish(w, chunks)
	r.update(w.Memo, memo.Patch{Source: new("wiki")})
	tags := func(what string, all, auto []string) {
		r.Helper()
		m := r.find(w.Memo)
		list, _, err := r.s.ListMemos(ctx, r.p, 0, 1)
		r.must(err)
		if !slices.Equal(m.Tags, all) || !slices.Equal(m.AutoTags, auto) || !slices.Equal(list[0].Tags, all) ||
			len(list[0].TagIDs) != len(all) {
			r.Errorf("%s: tags %v, of a model %v, listed %v; want %v, %v", what, m.Tags, m.AutoTags, list[0].Tags, all, auto)
		}
		changes, err := r.s.Changes(ctx, r.p, "model", 0, 10)
		if r.must(err); len(changes) != 1 || !slices.Equal(changes[0].Tags, all) {
			r.Errorf("%s: indexed %+v", what, changes)
		}
	}
	tags("an edit of something else", []string{"mine", "duck"}, []string{"duck"})
	r.update(w.Memo, memo.Patch{Tags: []string{"new"}})
	tags("tags by hand", []string{"new"}, nil)
	again := func(aspect memo.Aspect) {
		r.Helper()
		_, err := r.s.Reenrich(ctx, r.p, memo.Ref{ID: w.Memo}, []memo.Aspect{aspect}, r.tick())
		r.must(err)
		w = r.claimOne()
	}
	again(memo.AspectSummary)
	r.finish(w, chunks)
	tags("another summary", []string{"new"}, nil)
	again(memo.AspectTags)
	r.must(r.s.SaveEnrichments(ctx, w, []memo.Enrichment{{Aspect: memo.AspectTags, Texts: []string{"b", "b", "new"}}}))
	r.finish(w, chunks)
	tags("other tags", []string{"new", "b"}, []string{"b"})
}

func reenrich(r *room) {
	ctx := r.Context()
	id, chunks := r.live(plain("T", "some text"))
	ref := memo.Ref{ID: id}
	got, err := r.s.Reenrich(ctx, r.p, ref, []memo.Aspect{memo.AspectContext}, r.tick())
	if r.must(err); got != id {
		r.Errorf("Reenrich = %s, want %s", got, id)
	}
	p := r.find(id).Progress
	if p.Stage != memo.StageEnriching || p.Live != 1 || p.Attempt != 0 || p.Completed != nil || p.EnrichTotal != 2 {
		r.Errorf("progress %+v", p)
	}
	w := r.claimOne()
	if w.Stage != memo.StageEnriching || w.Generation != 1 || len(w.Chunks) != 2 ||
		!w.Processing.Wants(memo.AspectContext) {
		r.Errorf("claimed %+v", w)
	}
	written := []memo.Enrichment{
		{Aspect: memo.AspectContext, Chunk: 0, Texts: []string{"first"}},
		{Aspect: memo.AspectContext, Chunk: 1, Texts: []string{"second"}},
	}
	r.must(r.s.SaveEnrichments(ctx, w, written))
	if n := r.missing("model"); n != 2 {
		r.Errorf("%d chunks lack a vector, want 2", n)
	}
	if passages, err := r.s.Passages(ctx, r.p, []memo.ChunkID{chunks[0].ID}); len(passages) != 1 || err != nil {
		r.Errorf("meanwhile there are %v, %v", passages, err)
	}
	before := r.latest()
	r.finish(w, chunks)
	if p := r.find(id).Progress; r.latest() <= before || p.Stage != memo.StageProcessed || p.EnrichDone != 2 {
		r.Errorf("progress %+v, and the index learns at %d", p, r.latest())
	}
	_, err = r.s.Reenrich(ctx, r.p, ref, []memo.Aspect{memo.AspectContext, memo.AspectTags}, r.tick())
	r.must(err)
	if p := r.find(id).Progress; p.EnrichDone != 0 || p.EnrichTotal != 3 {
		r.Errorf("%d of %d texts are written, want 0 of 3", p.EnrichDone, p.EnrichTotal)
	}
	w = r.claimOne()
	if len(w.Enriched) != 2 || !w.Enriched[0].Stale || w.Chunks[0].Context != "first" {
		r.Errorf("claimed %+v, want what was there, stale", w)
	}
	r.must(r.s.SaveEnrichments(ctx, w, written[:1]))
	r.must(r.s.Fail(ctx, w, "no credit", r.tick()))
	m := r.find(id)
	if m.Progress.Stage != memo.StageError || m.Progress.Live != 1 || m.Chunks[1].Context != "second" ||
		m.Progress.EnrichDone != 1 {
		r.Errorf("after a failure: %+v", m)
	}
	_, err = r.s.Reenrich(ctx, r.p, ref, nil, r.tick())
	r.must(err)
	if w = r.claimOne(); w.Enriched[0].Stale || !w.Enriched[1].Stale || !w.Processing.Wants(memo.AspectTags) {
		r.Errorf("claimed %+v after a failure", w)
	}
}

func reenrichNeedsLive(r *room) {
	ctx := r.Context()
	id := r.create(plain("T", "some text"))
	ref := memo.Ref{ID: id}
	refused := func(what string) {
		r.Helper()
		_, err := r.s.Reenrich(ctx, r.p, ref, memo.Aspects(), r.now)
		r.refused(err, fault.Conflict, what)
		if err != nil && fault.Message(err) != "The memo is still being processed" {
			r.Errorf("%s: %v", what, err)
		}
	}
	refused("a new memo")
	w := r.claimOne()
	refused("a memo in work")
	r.must(r.s.Fail(ctx, w, "broken", r.now))
	refused("a memo that was never live")
	_, err := r.s.RetryMemo(ctx, r.p, ref, r.now)
	r.must(err)
	r.process(r.claimOne())
	r.update(id, memo.Patch{Content: new("newer")})
	r.must(r.s.Fail(ctx, r.claimOne(), "broken", r.now))
	refused("a newer generation that failed")
	_, err = r.s.Reenrich(ctx, r.p, memo.Ref{ID: newMemoID()}, memo.Aspects(), r.now)
	r.refused(err, fault.NotFound, "an unknown memo")
}
