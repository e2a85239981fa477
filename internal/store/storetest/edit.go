package storetest

import (
	"encoding/json"
	"fmt"
	"slices"

	"kvasir/internal/fault"
	"kvasir/internal/memo"
)

// update applies a patch.
func (r *room) update(id memo.ID, patch memo.Patch) memo.Memo {
	r.Helper()
	got, err := r.s.UpdateMemo(r.Context(), r.p, memo.Ref{ID: id}, patch, r.tick())
	r.must(err)
	m := r.find(id)
	if want := (memo.Edited{ID: id, Generation: m.Progress.Generation}); got != want {
		r.Errorf("UpdateMemo = %+v, want %+v", got, want)
	}
	return m
}

func (r *room) latest() int64 {
	r.Helper()
	seq, err := r.s.LatestChange(r.Context(), r.p)
	r.must(err)
	return seq
}

func attributesActAtOnce(r *room) {
	id, _ := r.live(plain("T", "some text"))
	before := r.latest()
	m := r.update(id, memo.Patch{
		Source: new("wiki"), ReferenceID: new("ref"), Expires: new(r.now), Metadata: json.RawMessage(`{"a":1}`),
		Scopes: map[string]string{"k": "v"}, Tags: []string{"x"},
	})
	if *m.Source != "wiki" || *m.ReferenceID != "ref" || !m.Expires.Before(r.now) || m.Scopes["k"] != "v" ||
		string(m.Metadata) != `{"a":1}` || !slices.Equal(m.Tags, []string{"x"}) {
		r.Errorf("patched attributes: %+v", m.Attributes)
	}
	if m.Progress.Stage != memo.StageProcessed || m.Progress.Generation != 1 || !m.Updated.Equal(r.now) {
		r.Errorf("attributes alone started work: %+v", m.Progress)
	}
	if r.latest() <= before {
		r.Error("the index does not learn of new attributes")
	}
	m = r.update(id, memo.Patch{Tags: []string{}})
	if len(m.Tags) != 0 || *m.Source != "wiki" {
		r.Errorf("after removing the tags: %+v", m.Attributes)
	}
}

func sameTextStartsNothing(r *room) {
	id, _ := r.live(plain("T", "some text"))
	m := r.update(id, memo.Patch{Title: new("T"), Content: new("some text")})
	if m.Progress.Generation != 1 || m.Progress.Stage != memo.StageProcessed {
		r.Errorf("the same text started work: %+v", m.Progress)
	}
}

func editKeepsTheLiveText(r *room) {
	id, _ := r.live(plain("old title", "old text"))
	m := r.update(id, memo.Patch{Title: new("new title"), Content: new("a new text")})
	if m.Title != "new title" || *m.Content != "a new text" || texts(m.Chunks) != "old |text" {
		r.Errorf("title %q, content %q, chunks %q", m.Title, *m.Content, texts(m.Chunks))
	}
	if m.Progress.Stage != memo.StageReceived || m.Progress.Generation != 2 || m.Progress.Live != 1 {
		r.Errorf("progress %+v, want generation 2 waiting beside live 1", m.Progress)
	}
	changes, err := r.s.Changes(r.Context(), r.p, "model", 0, 10)
	r.must(err)
	if len(changes) != 1 || indexed(changes[0], 0) != "old title\n\nold " || changes[0].Chunks[0].Vector == nil {
		r.Errorf("the index sees %+v, want the old text with vectors", changes)
	}
	r.process(r.claimOne())
	m = r.find(id)
	if texts(m.Chunks) != "a new| text" || m.Progress.Live != 2 {
		r.Errorf("chunks %q of generation %d", texts(m.Chunks), m.Progress.Live)
	}
}

func twentyEdits(r *room) {
	id, _ := r.live(plain("T", "first"))
	first := r.claimOrNil()
	for i := range 20 {
		r.update(id, memo.Patch{Content: new(fmt.Sprintf("text %02d", i))})
		if i%5 == 0 {
			first = append(first, r.claimOne()) // superseded by the next edit
		}
	}
	for _, w := range first {
		_, err := r.s.Finish(r.Context(), w, r.now)
		r.refused(err, fault.Conflict, "finishing a superseded generation")
	}
	r.process(r.claimOne())
	m := r.find(id)
	if texts(m.Chunks) != "tex|t 19" || m.Progress.Generation != 21 || m.Progress.Live != 21 {
		r.Errorf("chunks %q, progress %+v", texts(m.Chunks), m.Progress)
	}
	if counts, err := r.s.Counts(r.Context()); err != nil || counts.Pending != 0 {
		r.Errorf("Counts = %+v, %v, want nothing pending", counts, err)
	}
}

func (r *room) claimOrNil() []memo.Work {
	r.Helper()
	return r.claim(1)
}

func documentEdits(r *room) {
	id := r.create(document("T", "blob"))
	m := r.update(id, memo.Patch{Title: new("before parsing")})
	if m.Content != nil || m.Progress.Generation != 2 {
		r.Errorf("a title before parsing: %+v", m)
	}
	w := r.claimOne()
	if w.Content != nil || w.File == nil || w.Title != "before parsing" {
		r.Errorf("claimed %+v, want the file to be parsed", w)
	}
	r.process(w)
	m = r.update(id, memo.Patch{Title: new("after parsing")})
	w = r.claimOne()
	if w.Content == nil || *w.Content != "the text of blob.pdf" || w.Stage != memo.StageChunking {
		r.Errorf("claimed %+v, want the parsed text again", w)
	}
	r.process(w)
	m = r.update(id, memo.Patch{Content: new("written by hand")})
	if m.Type != memo.TypeDocument || *m.Content != "written by hand" || m.File == nil || m.ContentHash == m.File.Hash {
		r.Errorf("a document's text by hand: %+v", m)
	}
	w = r.claimOne()
	if w.Content == nil || *w.Content != "written by hand" {
		r.Errorf("claimed %+v, want the text by hand", w)
	}
	r.process(w)
	gone, err := r.s.DeleteMemo(r.Context(), r.p, memo.Ref{ID: id}, r.now)
	r.must(err)
	if !slices.Equal(gone.Blobs, []string{"blob"}) {
		r.Errorf("deleting leaves %v, want the one file", gone.Blobs)
	}
}

// upsert replaces or adds the draft under the reference "ref".
func (r *room) upsert(d memo.Draft) memo.Upserted {
	r.Helper()
	d.ReferenceID = new("ref")
	up, err := r.s.UpsertMemo(r.Context(), r.p, newMemoID(), d, r.tick())
	r.must(err)
	if newest := r.find(up.ID).Progress.Generation; up.Generation != newest {
		r.Errorf("UpsertMemo tells of generation %d, want %d", up.Generation, newest)
	}
	return up
}

func upsertByReference(r *room) {
	first := r.upsert(plain("T", "text"))
	if !first.Created || first.Reindexed || first.ID == "" {
		r.Fatalf("first upsert: %+v", first)
	}
	r.process(r.claimOne())
	d := plain("T", "text")
	d.Tags = []string{"tagged"}
	same := r.upsert(d)
	m := r.find(first.ID)
	if same.Created || same.Reindexed || same.ID != first.ID || !slices.Equal(m.Tags, d.Tags) ||
		m.Progress.Stage != memo.StageProcessed {
		r.Errorf("the same text again: %+v, %+v", same, m.Progress)
	}
	for _, d := range []memo.Draft{plain("T", "other text"), plain("other title", "other text")} {
		up := r.upsert(d)
		m := r.find(first.ID)
		if up.Created || !up.Reindexed || up.ID != first.ID || m.Progress.Stage != memo.StageReceived || len(m.Tags) != 0 {
			r.Errorf("upsert of %q: %+v, %+v", d.Title, up, m)
		}
		r.process(r.claimOne())
	}
	_, err := r.s.UpsertMemo(r.Context(), r.p, newMemoID(), plain("T", "x"), r.now)
	r.refused(err, fault.Invalid, "an upsert without a reference")
}

func upsertReplacesFiles(r *room) {
	id := r.upsert(document("T", "one")).ID
	r.process(r.claimOne())
	if up := r.upsert(document("T", "one")); up.Reindexed {
		r.Errorf("the same file again: %+v", up)
	}
	if up := r.upsert(document("T", "two")); len(up.DroppedBlobs) != 0 || !up.Reindexed {
		r.Errorf("file two beside the live one: %+v", up)
	}
	if up := r.upsert(document("T", "three")); !slices.Equal(up.DroppedBlobs, []string{"two"}) {
		r.Errorf("file three drops %v, want two, which was never live", up.DroppedBlobs)
	}
	up := r.upsert(plain("T", "no file"))
	if !slices.Equal(up.DroppedBlobs, []string{"three"}) || r.find(id).Type != memo.TypePlaintext {
		r.Errorf("a text in place of a file: %+v", up)
	}
	w := r.claimOne()
	dropped, err := r.s.Finish(r.Context(), w, r.now)
	r.must(err)
	if !slices.Equal(dropped, []string{"one"}) {
		r.Errorf("finishing drops %v, want one", dropped)
	}
}

func upsertRestartsFailed(r *room) {
	id := r.upsert(document("T", "one")).ID
	r.must(r.s.Fail(r.Context(), r.claimOne(), "broken", r.now))
	up := r.upsert(document("T", "one"))
	m := r.find(id)
	if up.Created || len(up.DroppedBlobs) != 0 || m.Progress.Stage != memo.StageReceived || m.Progress.Error != "" {
		r.Errorf("a failed memo upserted: %+v, %+v", up, m.Progress)
	}
	if m.File.Blob != "one" {
		r.Errorf("its file is %q", m.File.Blob)
	}
}

func deleteRemovesEverything(r *room) {
	ctx := r.Context()
	id, chunks := r.live(plain("T", "some text"))
	before := r.latest()
	gone, err := r.s.DeleteMemo(ctx, r.p, memo.Ref{ID: id}, r.tick())
	r.must(err)
	if gone.ID != id || len(gone.Blobs) != 0 {
		r.Errorf("DeleteMemo = %+v", gone)
	}
	_, err = r.s.DeleteMemo(ctx, r.p, memo.Ref{ID: id}, r.now)
	r.refused(err, fault.NotFound, "deleting twice")
	changes, err := r.s.Changes(ctx, r.p, "model", before, 10)
	r.must(err)
	if len(changes) != 1 || !changes[0].Deleted || changes[0].Memo != id {
		r.Errorf("the index learns %+v, want the deletion", changes)
	}
	if passages, err := r.s.Passages(ctx, r.p, []memo.ChunkID{chunks[0].ID}); len(passages) != 0 || err != nil {
		r.Errorf("Passages = %v, %v, want none", passages, err)
	}
	if n := r.missing("other"); n != 0 {
		r.Errorf("%d chunks are left of a deleted memo", n)
	}
	unseen := r.create(plain("T", "never live"))
	before = r.latest()
	_, err = r.s.DeleteMemo(ctx, r.p, memo.Ref{ID: unseen}, r.now)
	r.must(err)
	if r.latest() != before {
		r.Error("the index learns of a memo that it never had")
	}
}
