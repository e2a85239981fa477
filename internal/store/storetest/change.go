package storetest

import (
	"fmt"

	"kvasir/internal/llm"
	"kvasir/internal/memo"
)

func changesFollow(r *room) {
	ctx := r.Context()
	d := plain("Ducks", "some text")
	d.Tags = []string{"bird"}
	id := r.create(d)
	if r.latest() != 0 {
		r.Error("the index learns of a memo before it is live")
	}
	made := r.now
	chunks := r.process(r.claimOne())
	first := r.latest()
	got, err := r.s.Changes(ctx, r.p, "model", 0, 10)
	r.must(err)
	want := []memo.Change{{
		Seq: first, Memo: id, Generation: 1,
		Attributes: memo.Attributes{
			Title: "Ducks", Tags: []string{"bird"}, Metadata: []byte("{}"), Created: made, Updated: made,
		},
		Chunks: []memo.IndexedChunk{
			{ID: chunks[0].ID, Heading: "Ducks\n\n", Text: "some", Vector: llm.Vector{0, 0.5, -1}},
			{ID: chunks[1].ID, Heading: "Ducks\nOne > Two\n\n", Text: " text", Vector: llm.Vector{1, 0.5, -1}},
		},
	}}
	r.same(want, got, "Changes")
	r.update(id, memo.Patch{Source: new("wiki")})
	got, err = r.s.Changes(ctx, r.p, "model", first, 10)
	r.must(err)
	if len(got) != 1 || got[0].Seq <= first || *got[0].Source != "wiki" || len(got[0].Chunks) != 2 ||
		!got[0].Created.Equal(made) || !got[0].Updated.After(made) {
		r.Errorf("after an edit of attributes the index learns %+v", got)
	}
	if got, err := r.s.Changes(ctx, r.p, "model", r.latest(), 10); len(got) != 0 || err != nil {
		r.Errorf("after the last change come %v, %v", got, err)
	}
}

func changesArePaged(r *room) {
	ctx := r.Context()
	var ids []memo.ID
	for i := range 5 {
		id, _ := r.live(plain(fmt.Sprint(i), "some text"))
		ids = append(ids, id)
	}
	r.update(ids[0], memo.Patch{Source: new("moved to the end")})
	_, err := r.s.DeleteMemo(ctx, r.p, memo.Ref{ID: ids[1]}, r.now)
	r.must(err)
	var got []memo.ID
	after := int64(0)
	for {
		page, err := r.s.Changes(ctx, r.p, "model", after, 2)
		r.must(err)
		for _, c := range page {
			if c.Seq <= after {
				r.Errorf("change %d comes after %d", c.Seq, after)
			}
			after = c.Seq
			got = append(got, c.Memo)
		}
		if len(page) < 2 {
			break
		}
	}
	r.sameIDs(got, []memo.ID{ids[2], ids[3], ids[4], ids[0], ids[1]}, "changes")
	if after != r.latest() {
		r.Errorf("the last change is %d, and LatestChange says %d", after, r.latest())
	}
}

func passagesInOrder(r *room) {
	ctx := r.Context()
	long := ""
	for len(long) < 600 {
		long += "鸭 duck "
	}
	a, inA := r.live(plain("A", long))
	b, inB := r.live(plain("B", "short text"))
	gone := memo.ChunkID(newMemoID())
	got, err := r.s.Passages(ctx, r.p, []memo.ChunkID{inB[1].ID, gone, inA[0].ID, inB[0].ID, inA[1].ID})
	r.must(err)
	snippet := string([]rune(long)[:100])
	want := []memo.Passage{
		{Chunk: inB[1], Memo: b, Title: "B", Snippet: "short text"},
		{Chunk: inA[0], Memo: a, Title: "A", Snippet: snippet},
		{Chunk: inB[0], Memo: b, Title: "B", Snippet: "short text"},
		{Chunk: inA[1], Memo: a, Title: "A", Snippet: snippet},
	}
	r.same(want, got, "Passages")
	r.update(b, memo.Patch{Title: new("new title")})
	w := r.claimOne()
	chunks := halves(*w.Content)
	r.must(r.s.SaveChunks(ctx, w, chunks, memo.StageEmbedding, r.now))
	got, err = r.s.Passages(ctx, r.p, []memo.ChunkID{chunks[0].ID, inB[0].ID})
	r.must(err)
	if len(got) != 1 || got[0].ID != inB[0].ID || got[0].Title != "B" {
		r.Errorf("during an edit: %+v, want the live passage under its title", got)
	}
	many := make([]memo.ChunkID, 0, 700)
	for range 350 {
		many = append(many, memo.ChunkID(newMemoID()), inA[0].ID)
	}
	if got, err = r.s.Passages(ctx, r.p, many); len(got) != 350 || err != nil {
		r.Errorf("Passages of 700 ids = %d, %v, want 350", len(got), err)
	}
	if got, err = r.s.Passages(ctx, r.p, nil); len(got) != 0 || err != nil {
		r.Errorf("Passages of nothing = %v, %v", got, err)
	}
}

func countsCount(r *room) {
	r.live(plain("live", "some text"))
	r.create(plain("failed", "text"))
	r.must(r.s.Fail(r.Context(), r.claimOne(), "broken", r.now))
	oldest := r.tick()
	r.now = oldest.Add(-1e9) // create moves it on
	r.create(plain("first", "text"))
	r.create(plain("second", "text"))
	c, err := r.s.Counts(r.Context())
	r.must(err)
	if c.Pending != 2 || c.Failed != 1 || c.Oldest == nil || !c.Oldest.Equal(oldest) {
		r.Errorf("Counts = %+v, want 2 pending since %v, 1 failed", c, oldest)
	}
}

// indexed returns what the index sees of a chunk, all its fields in one.
func indexed(c memo.Change, chunk int) string { return c.Chunks[chunk].Heading + c.Chunks[chunk].Text }
