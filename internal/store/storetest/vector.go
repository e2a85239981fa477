package storetest

import (
	"slices"
	"time"

	"kvasir/internal/fault"
	"kvasir/internal/llm"
	"kvasir/internal/memo"
)

func (r *room) missing(model string) int {
	r.Helper()
	n, err := r.s.CountMissingVectors(r.Context(), memo.IndexVersion{Model: model, Cut: 1})
	r.must(err)
	return n
}

func vectorsBelongToModels(r *room) {
	ctx := r.Context()
	_, chunks := r.live(plain("T", "some text"))
	if n := r.missing("model"); n != 0 {
		r.Errorf("%d vectors are missing of the model in use, want 0", n)
	}
	if n := r.missing("other"); n != 2 {
		r.Errorf("%d vectors are missing of another model, want 2", n)
	}
	before := r.latest()
	r.must(r.s.SaveVectors(ctx, "other", []memo.ChunkVector{{Chunk: chunks[0].ID, Vector: llm.Vector{1, 2}}}))
	if n := r.missing("other"); n != 1 {
		r.Errorf("%d vectors are missing, want 1", n)
	}
	changes, err := r.s.Changes(ctx, r.p, "other", before, 10)
	r.must(err)
	if len(changes) != 1 || !slices.Equal(changes[0].Chunks[0].Vector, llm.Vector{1, 2}) ||
		changes[0].Chunks[1].Vector != nil {
		r.Errorf("the index learns %+v, want the one vector of the other model", changes)
	}
	for model, want := range map[string]int{"model": 3, "other": 2, "unknown": 0} {
		if got, err := r.s.Dimension(ctx, model); got != want || err != nil {
			r.Errorf("Dimension(%q) = %d, %v, want %d", model, got, err, want)
		}
	}
	for _, v := range []llm.Vector{nil, {1}} {
		err := r.s.SaveVectors(ctx, "other", []memo.ChunkVector{{Chunk: chunks[0].ID, Vector: v}})
		r.refused(err, fault.Invalid, "a vector of another length")
	}
}

func vectorsOfGoneChunks(r *room) {
	ctx := r.Context()
	_, chunks := r.live(plain("T", "some text"))
	gone := memo.ChunkVector{Chunk: memo.ChunkID(newMemoID()), Vector: llm.Vector{1, 2}}
	r.must(r.s.SaveVectors(ctx, "other", []memo.ChunkVector{gone, {Chunk: chunks[1].ID, Vector: llm.Vector{3, 4}}}))
	r.must(r.s.SaveVectors(ctx, "other", nil))
	if n := r.missing("other"); n != 1 {
		r.Errorf("%d vectors are missing, want 1", n)
	}
}

func missingVectorsArePaged(r *room) {
	ctx := r.Context()
	var want []memo.ChunkText
	for _, title := range []string{"A", "B"} {
		id, chunks := r.live(plain(title, "some text"))
		want = append(want,
			memo.ChunkText{Project: r.p, Memo: id, Title: title, Chunk: chunks[0]},
			memo.ChunkText{Project: r.p, Memo: id, Title: title, Chunk: chunks[1]})
	}
	d := plain("archived", "some text")
	d.Archived = true
	r.live(d)
	d = plain("expired", "some text")
	d.Expires = new(time.Now().Add(-time.Hour))
	r.live(d)
	r.create(plain("not live", "some text"))
	var got []memo.ChunkText
	for after := memo.ChunkID(""); ; after = got[len(got)-1].ID {
		page, err := r.s.MissingVectors(ctx, memo.IndexVersion{Model: "other", Cut: 1}, after, 3)
		r.must(err)
		if len(page) == 0 {
			break
		}
		got = append(got, page...)
	}
	r.same(want, got, "MissingVectors")
	if n := r.missing("other"); n != len(want) {
		r.Errorf("CountMissingVectors = %d, want %d", n, len(want))
	}
}
