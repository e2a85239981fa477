package storetest

import (
	"slices"
	"strings"

	"kvasir/internal/fault"
	"kvasir/internal/llm"
	"kvasir/internal/memo"
	"kvasir/internal/store"
)

func versionTests() []namedTest {
	return []namedTest{
		{"FirstVersionIsWhatIsThere", firstVersion},
		{"VersionOfAnUnknownModelIsGivenUp", unknownModel},
		{"VersionIsMadeBesideTheLiveOne", versionBeside},
		{"VersionWithTheSameCutSharesChunks", sameCut},
		{"AnotherCutStandsBeside", anotherCut},
		{"NewMemosMakeAVersionDirty", dirtyVersions},
		{"WorkForAnotherVersionIsRefused", workForAnother},
		{"VersionsAreDropped", versionsAreDropped},
	}
}

// known is what the tests' versions are made of.
var known = []store.VersionOf{{Model: "model", Chunker: "words"}, {Model: "other", Chunker: "words"}}

func (r *room) versions() []memo.IndexVersion {
	r.Helper()
	list, err := r.s.Versions(r.Context())
	r.must(err)
	return list
}

// version returns that of a state.
func (r *room) version(state memo.VersionState) memo.IndexVersion {
	r.Helper()
	for _, v := range r.versions() {
		if v.State == state {
			return v
		}
	}
	r.Fatalf("there is no %s version", state)
	return memo.IndexVersion{}
}

func (r *room) ensure(of ...store.VersionOf) (given string) {
	r.Helper()
	given, err := r.s.EnsureVersion(r.Context(), of, r.tick())
	r.must(err)
	return given
}

// embed gives every chunk of a version a vector of its model.
func (r *room) embed(v memo.IndexVersion, length int) {
	r.Helper()
	missing, err := r.s.MissingVectors(r.Context(), v, "", 1000)
	r.must(err)
	var vectors []memo.ChunkVector
	for _, c := range missing {
		vectors = append(vectors, memo.ChunkVector{Chunk: c.ID, Vector: make(llm.Vector, length)})
	}
	r.must(r.s.SaveVectors(r.Context(), v.Model, vectors))
}

func firstVersion(r *room) {
	if list := r.versions(); len(list) != 0 {
		r.Fatalf("there are versions already: %+v", list)
	}
	r.live(plain("T", "some text"))
	r.ensure()
	live := r.version(memo.VersionLive)
	if live.Model != "model" || live.Dimensions != 3 || live.Cut != 1 || live.Chunker != "" || !live.Complete() {
		r.Errorf("what was there is %+v", live)
	}
	if given := r.ensure(known...); given != "" {
		r.Errorf("the model %q was given up", given)
	}
	if live = r.version(memo.VersionLive); live.Chunker != "words" || live.Model != "model" {
		r.Errorf("the chunker is not known: %+v", live)
	}
}

func unknownModel(r *room) {
	r.live(plain("T", "some text"))
	r.ensure(known...)
	if given := r.ensure(store.VersionOf{Model: "third", Chunker: "lines"}); given != "model" {
		r.Errorf("%q was given up, want model", given)
	}
	live := r.version(memo.VersionLive)
	if live.Model != "third" || live.Chunker != "words" || live.Cut != 1 || live.Dimensions != 0 || live.Complete() {
		r.Errorf("the version is %+v", live)
	}
	r.embed(live, 5)
	if live = r.version(memo.VersionLive); live.Dimensions != 5 {
		r.Errorf("the length is not known: %+v", live)
	}
	// What is there is still cut as it was, so it may be cut anew for the same model.
	lines := store.VersionOf{Model: "third", Chunker: "lines"}
	r.must(r.s.StartVersion(r.Context(), lines, r.tick()))
	if next := r.version(memo.VersionNext); next.Cut != 2 || next.Model != "third" {
		r.Errorf("the next version is %+v", next)
	}
	r.must(r.s.DropVersion(r.Context(), memo.VersionNext))
	r.must(r.s.Sweep(r.Context()))
	if size, err := r.s.VersionSize(r.Context(), live); err != nil || size != (memo.VersionSize{Passages: 2}) {
		r.Errorf("the sweep of the same model has left %+v, %v", size, err)
	}
	// A version that is built for a model is no other when the live one adopts that.
	r.must(r.s.StartVersion(r.Context(), store.VersionOf{Model: "fourth", Chunker: "words"}, r.tick()))
	r.ensure(store.VersionOf{Model: "fourth", Chunker: "words"})
	if list := r.versions(); len(list) != 1 || list[0].Model != "fourth" {
		r.Errorf("the versions are %+v", list)
	}
	r.ensure(lines)
	// Nothing configured changes nothing.
	r.ensure()
	if now := r.version(memo.VersionLive); now.Model != "third" {
		r.Errorf("the version is %+v", now)
	}
}

func versionBeside(r *room) {
	ctx := r.Context()
	_, chunks := r.live(plain("T", "some text"))
	r.ensure(known...)
	for name, err := range map[string]error{
		"nothing new": r.s.StartVersion(ctx, known[0], r.tick()),
		"flip":        r.s.FlipVersion(ctx, r.tick()),
		"rollback":    r.s.RollbackVersion(ctx, r.tick()),
		"drop":        r.s.DropVersion(ctx, memo.VersionFormer),
		"drop live":   r.s.DropVersion(ctx, memo.VersionLive),
	} {
		r.refused(err, fault.Conflict, name)
	}
	r.must(r.s.StartVersion(ctx, known[1], r.tick()))
	r.must(r.s.StartVersion(ctx, known[1], r.tick())) // it goes on
	r.refused(r.s.StartVersion(ctx, store.VersionOf{Model: "third"}, r.tick()), fault.Conflict, "a third version")
	r.refused(r.s.FlipVersion(ctx, r.tick()), fault.Conflict, "a flip too early")
	next := r.version(memo.VersionNext)
	if size, err := r.s.VersionSize(ctx, next); err != nil || size != (memo.VersionSize{Passages: 2, Lacking: 2}) {
		r.Errorf("VersionSize = %+v, %v", size, err)
	}
	before := r.latest()
	r.embed(next, 7)
	if r.latest() != before {
		r.Error("the live index reads everything again while another is built")
	}
	r.refused(r.s.SaveVectors(ctx, "other", []memo.ChunkVector{{Chunk: chunks[0].ID, Vector: llm.Vector{1}}}),
		fault.Invalid, "a vector of another length")
	r.must(r.s.DoneVersion(ctx, next.ID, next.Dirty))
	r.must(r.s.FlipVersion(ctx, r.tick()))
	live, former := r.version(memo.VersionLive), r.version(memo.VersionFormer)
	if live.ID != next.ID || live.Dimensions != 7 || live.Flipped == nil || former.Model != "model" {
		r.Errorf("after the flip there are %+v and %+v", live, former)
	}
	r.refused(r.s.StartVersion(ctx, store.VersionOf{Model: "third"}, r.tick()), fault.Conflict, "a third version")
	for v, length := range map[memo.IndexVersion]int{live: 7, former: 3} {
		changes, err := r.s.Source(v).Changes(ctx, r.p, v.Model, 0, 10)
		r.must(err)
		if len(changes) != 1 || len(changes[0].Chunks) != 2 || len(changes[0].Chunks[1].Vector) != length {
			r.Errorf("an index of %s reads %+v", v.Model, changes)
		}
	}
	r.must(r.s.RollbackVersion(ctx, r.tick()))
	if again := r.version(memo.VersionLive); again.ID != former.ID || r.version(memo.VersionNext).ID != next.ID {
		r.Errorf("after the rollback %+v is live", again)
	}
	r.must(r.s.FlipVersion(ctx, r.tick())) // it is still complete
}

func sameCut(r *room) {
	r.ensure(known...)
	r.must(r.s.StartVersion(r.Context(), known[1], r.tick()))
	if next := r.version(memo.VersionNext); next.Cut != 1 {
		r.Errorf("a version that is cut alike has the cut %d", next.Cut)
	}
}

// thirds cuts a text into three.
func thirds(text string) []memo.Chunk {
	a, b := len(text)/3, 2*len(text)/3
	var chunks []memo.Chunk
	for i, at := range [][2]int{{0, a}, {a, b}, {b, len(text)}} {
		chunks = append(chunks, memo.Chunk{
			ID: memo.ChunkID(newMemoID()), Index: i, Start: at[0], End: at[1], Content: text[at[0]:at[1]],
		})
	}
	return chunks
}

func anotherCut(r *room) {
	ctx := r.Context()
	const text = "one two three"
	id, chunks := r.live(plain("T", text))
	r.ensure(known...)
	r.must(r.s.StartVersion(ctx, store.VersionOf{Model: "other", Chunker: "thirds"}, r.tick()))
	next := r.version(memo.VersionNext)
	if next.Cut != 2 {
		r.Fatalf("the cut is %d, want another", next.Cut)
	}
	uncut, err := r.s.UncutMemos(ctx, next, "", 10)
	r.must(err)
	r.sameIDs(uncut, []memo.ID{id}, "UncutMemos")
	if size, err := r.s.VersionSize(ctx, next); err != nil || size != (memo.VersionSize{Passages: 2, Lacking: 2}) {
		r.Errorf("VersionSize = %+v, %v", size, err)
	}
	w, err := r.s.LiveText(ctx, id)
	r.must(err)
	if w.Project != r.p || *w.Content != text || w.Title != "T" || w.Generation != 1 {
		r.Errorf("LiveText = %+v", w)
	}
	r.must(r.s.SaveCut(ctx, w, next, thirds(text)[:2])) // cut short
	if uncut, err = r.s.UncutMemos(ctx, next, "", 10); err != nil || len(uncut) != 1 {
		r.Errorf("UncutMemos = %v, %v; want the memo that is half cut", uncut, err)
	}
	r.must(r.s.SaveCut(ctx, w, next, thirds(text)))
	if uncut, err = r.s.UncutMemos(ctx, next, "", 10); err != nil || len(uncut) != 0 {
		r.Errorf("UncutMemos = %v, %v; want none", uncut, err)
	}
	r.embed(next, 7)
	r.must(r.s.DoneVersion(ctx, next.ID, next.Dirty))
	if m := r.find(id); texts(m.Chunks) != texts(chunks) || m.Progress.ChunksTotal != 2 {
		r.Errorf("before the flip the memo has %q", texts(m.Chunks))
	}
	r.must(r.s.FlipVersion(ctx, r.tick()))
	if m := r.find(id); texts(m.Chunks) != texts(thirds(text)) || m.Progress.ChunksTotal != 3 {
		r.Errorf("after the flip the memo has %q", texts(m.Chunks))
	}
	r.readAfterFlip(id, chunks)
	former := r.version(memo.VersionFormer)
	if cut, err := r.s.VersionChunks(ctx, w, former); err != nil || texts(cut) != texts(chunks) {
		r.Errorf("VersionChunks = %q, %v", texts(cut), err)
	}
	_, err = r.s.DeleteMemo(ctx, r.p, memo.Ref{ID: id}, r.tick())
	r.must(err)
	for _, v := range r.versions() {
		if size, err := r.s.VersionSize(ctx, v); err != nil || size.Passages != 0 {
			r.Errorf("the deleted memo is still in a version: %+v, %v", size, err)
		}
	}
	r.refused(r.s.SaveCut(ctx, w, former, thirds(text)), fault.Conflict, "a cut of a memo that is gone")
}

// readAfterFlip reads what was found of a memo before a flip, and what is live after.
func (r *room) readAfterFlip(id memo.ID, chunks []memo.Chunk) {
	r.Helper()
	ctx := r.Context()
	// Who has found a chunk before the flip reads it after, and its neighbours of the
	// same cut.
	near, err := r.s.Neighbours(ctx, r.p, []memo.ChunkID{chunks[0].ID}, 5)
	r.must(err)
	if len(near) != 2 || near[1].ID != chunks[1].ID {
		r.Errorf("the neighbours are %+v", near)
	}
	excerpt, total, err := r.s.Excerpt(ctx, memo.Selection{Project: r.p, Now: r.now}, id, 0, 10)
	if err != nil || total != 3 || len(excerpt) != 3 {
		r.Errorf("the excerpt has %d of %d passages, %v", len(excerpt), total, err)
	}
}

func dirtyVersions(r *room) {
	ctx := r.Context()
	r.ensure(known...)
	live := r.version(memo.VersionLive)
	r.must(r.s.DoneVersion(ctx, live.ID, live.Dirty)) // nothing is there yet
	r.must(r.s.StartVersion(ctx, store.VersionOf{Model: "other", Chunker: "thirds"}, r.tick()))
	next := r.version(memo.VersionNext)
	r.must(r.s.DoneVersion(ctx, next.ID, next.Dirty))
	if !r.version(memo.VersionNext).Complete() {
		r.Fatal("an empty version is not complete")
	}
	id, _ := r.live(plain("T", "some text"))
	next = r.version(memo.VersionNext)
	if next.Complete() {
		r.Error("the version is complete, and lacks a memo")
	}
	if live = r.version(memo.VersionLive); !live.Complete() {
		r.Errorf("the live version lacks something: %+v", live)
	}
	r.refused(r.s.FlipVersion(ctx, r.tick()), fault.Conflict, "a flip without the memo")
	w, err := r.s.LiveText(ctx, id)
	r.must(err)
	r.must(r.s.SaveCut(ctx, w, next, thirds(*w.Content)))
	r.embed(next, 7)
	r.must(r.s.DoneVersion(ctx, next.ID, next.Dirty))

	// A memo that brings its part along leaves nothing to be done.
	r.create(plain("T2", "more text"))
	w = r.claimOne()
	chunks, others := halves(*w.Content), thirds(*w.Content)
	r.must(r.s.SaveChunks(ctx, w, chunks, memo.StageEmbedding, r.now))
	r.must(r.s.SaveCut(ctx, w, next, others))
	r.must(r.s.SaveVectors(ctx, "model", vectorsOf(chunks)))
	var vectors []memo.ChunkVector
	for _, c := range others {
		vectors = append(vectors, memo.ChunkVector{Chunk: c.ID, Vector: make(llm.Vector, 7)})
	}
	r.must(r.s.SaveVectors(ctx, "other", vectors))
	_, err = r.s.Finish(ctx, w, r.tick())
	r.must(err)
	if v := r.version(memo.VersionNext); !v.Complete() {
		r.Errorf("the version lacks something: %+v", v)
	}
	r.must(r.s.FlipVersion(ctx, r.tick()))
}

func workForAnother(r *room) {
	ctx := r.Context()
	r.ensure(known...)
	r.must(r.s.StartVersion(ctx, store.VersionOf{Model: "other", Chunker: "thirds"}, r.tick()))
	next := r.version(memo.VersionNext)
	r.must(r.s.DoneVersion(ctx, next.ID, next.Dirty))
	id := r.create(plain("T", "some text"))
	w := r.claimOne()
	r.must(r.s.SaveChunks(ctx, w, halves(*w.Content), memo.StageEmbedding, r.now))
	r.must(r.s.FlipVersion(ctx, r.tick()))
	_, err := r.s.Finish(ctx, w, r.tick())
	r.refused(err, fault.Unavailable, "work for the version before")
	r.must(r.s.Postpone(ctx, w, r.now, "another version")) // it is still held
	w = r.claimOne()
	if w.Memo != id || w.Cut != next.Cut || len(w.Chunks) != 0 || w.Stage != memo.StageChunking {
		r.Errorf("the work is %+v, want it to be cut for the live version", w)
	}
	r.process(w)
	if m := r.find(id); len(m.Chunks) != 2 {
		r.Errorf("the memo has %d chunks", len(m.Chunks))
	}
}

func versionsAreDropped(r *room) {
	ctx := r.Context()
	_, chunks := r.live(plain("T", "one two three"))
	r.ensure(known...)
	for _, of := range []store.VersionOf{{Model: "other", Chunker: "thirds"}, {Model: "third", Chunker: "words"}} {
		r.must(r.s.StartVersion(ctx, of, r.tick()))
		next := r.version(memo.VersionNext)
		uncut, err := r.s.UncutMemos(ctx, next, "", 10)
		r.must(err)
		for _, id := range uncut {
			w, err := r.s.LiveText(ctx, id)
			r.must(err)
			r.must(r.s.SaveCut(ctx, w, next, thirds(*w.Content)))
		}
		r.embed(next, 7)
		r.must(r.s.DropVersion(ctx, memo.VersionNext))
		r.must(r.s.Sweep(ctx))
		r.must(r.s.Sweep(ctx)) // nothing is left
		if size, err := r.s.VersionSize(ctx, next); err != nil || size.Lacking != size.Passages {
			r.Errorf("of %s there is still something: %+v, %v", of.Model, size, err)
		}
		if len(r.versions()) != 1 {
			r.Errorf("the versions are %+v", r.versions())
		}
	}
	changes, err := r.s.Source(r.version(memo.VersionLive)).Changes(ctx, r.p, "model", 0, 10)
	r.must(err)
	var left []memo.ChunkID
	for _, c := range changes[0].Chunks {
		left = append(left, c.ID)
	}
	if !slices.Equal(left, []memo.ChunkID{chunks[0].ID, chunks[1].ID}) || changes[0].Chunks[0].Vector == nil ||
		!strings.Contains(changes[0].Chunks[1].Text, chunks[1].Content) {
		r.Errorf("the live version has %+v", changes)
	}
}
