package storetest

import (
	"fmt"

	"kvasir/internal/account"
	"kvasir/internal/fault"
	"kvasir/internal/memo"
)

func processingIsInherited(r *room) {
	ctx := r.Context()
	got, err := r.s.Processing(ctx, r.p)
	r.must(err)
	r.same(memo.Processing{}, got, "processing of a new project")
	d := plain("T", "text")
	claimed := func(own, project, want memo.Processing) {
		r.Helper()
		r.must(r.s.SetProcessing(ctx, r.p, project))
		got, err := r.s.Processing(ctx, r.p)
		r.must(err)
		r.same(project, got, "processing of the project")
		d.Processing = own
		r.create(d)
		w := r.claimOne()
		r.same(want, w.Processing, "processing of the work")
		r.must(r.s.Fail(ctx, w, "done with", r.now))
	}
	none := memo.Processing{}
	project := memo.Processing{ChunkWords: 100, Enrich: []memo.Aspect{memo.AspectTags}}
	claimed(none, none, none)
	claimed(none, project, project)
	claimed(memo.Processing{ChunkWords: 50}, project, memo.Processing{ChunkWords: 50, Enrich: project.Enrich})
	off := memo.Processing{Enrich: []memo.Aspect{}}
	claimed(off, project, memo.Processing{ChunkWords: 100, Enrich: off.Enrich})
	unknown := account.ProjectID(newMemoID())
	_, err = r.s.Processing(ctx, unknown)
	r.refused(err, fault.NotFound, "processing of no project")
	r.refused(r.s.SetProcessing(ctx, unknown, project), fault.NotFound, "setting it")
}

func otherProcessing(r *room) {
	d := plain("T", "text")
	id := r.upsert(d).ID
	r.process(r.claimOne())
	d.Processing = memo.Processing{ChunkWords: 50}
	if up := r.upsert(d); !up.Reindexed {
		r.Errorf("with other processing: %+v", up)
	}
	r.process(r.claimOne())
	if up := r.upsert(d); up.Reindexed {
		r.Errorf("with the same processing: %+v", up)
	}
	_, err := r.s.Reenrich(r.Context(), r.p, memo.Ref{ID: id}, []memo.Aspect{memo.AspectTags}, r.now)
	r.must(err)
	if up := r.upsert(d); up.Reindexed {
		r.Errorf("with what was asked for later: %+v", up)
	}
}

func stagesAreTold(r *room) {
	ctx := r.Context()
	id := r.create(plain("T", "some text"))
	w := r.claimOne()
	r.must(r.s.SaveChunks(ctx, w, halves(*w.Content), memo.StageEnriching, r.now))
	for range 2 {
		if p := r.find(id).Progress; p.Stage != memo.StageEnriching || w.Worker != worker {
			r.Errorf("in stage %s, want enriching", p.Stage)
		}
		r.must(r.s.Release(ctx, worker))
		w = r.claimOne()
	}
	r.must(r.s.Enter(ctx, w, memo.StageEmbedding))
	if p := r.find(id).Progress; p.Stage != memo.StageEmbedding {
		r.Errorf("in stage %s, want embedding", p.Stage)
	}
}

func unfinishedAreListed(r *room) {
	ctx := r.Context()
	r.live(plain("done", "some text"))
	var ids []memo.ID
	for i := range 5 {
		d := plain(fmt.Sprint(i), "some text")
		d.ReferenceID = new(fmt.Sprint("ref ", i))
		ids = append(ids, r.create(d))
	}
	work := r.claim(3)
	r.must(r.s.SaveChunks(ctx, work[2], halves("some text"), memo.StageEmbedding, r.now))
	r.must(r.s.Fail(ctx, work[0], "broken", r.now))
	r.must(r.s.Postpone(ctx, work[1], r.now.Add(1e9), "the model is busy"))
	got, err := r.s.Unfinished(ctx, r.p, 10)
	r.must(err)
	var order []memo.ID
	for _, m := range got {
		order = append(order, m.ID)
	}
	r.sameIDs(order, []memo.ID{ids[2], ids[3], ids[4], ids[1]}, "unfinished memos")
	want := memo.Memo{
		ID: ids[2], Attributes: memo.Attributes{Title: "2", ReferenceID: new("ref 2")},
		Progress: memo.Progress{
			Stage: memo.StageEmbedding, Generation: 1, Attempt: 1, Started: new(r.now), ChunksTotal: 2,
		},
	}
	want.Progress.Started = got[0].Progress.Started
	r.same(want, got[0], "a memo in work")
	if got[3].Progress.WaitingFor != "the model is busy" {
		r.Errorf("a memo that waits: %+v", got[3].Progress)
	}
	if got, err := r.s.Unfinished(ctx, r.p, 2); len(got) != 2 || err != nil {
		r.Errorf("two of them: %v, %v", got, err)
	}
}

func neighboursAreFound(r *room) {
	ctx := r.Context()
	var all [][]memo.Chunk
	for _, bytes := range []int{10_000, 100_000} {
		id := r.create(plain("T", longText(bytes)))
		w := r.claimOne()
		chunks := pieces(*w.Content)
		r.must(r.s.SaveChunks(ctx, w, chunks, memo.StageEmbedding, r.now))
		_, err := r.s.Finish(ctx, w, r.now)
		r.must(err)
		all = append(all, chunks)
		r.update(id, memo.Patch{Title: new("U")}) // what is being made of it is not searched
		w = r.claimOne()
		r.must(r.s.SaveChunks(ctx, w, pieces(*w.Content), memo.StageEmbedding, r.now))
	}
	a, b := all[0], all[1]
	ids := []memo.ChunkID{b[5].ID, a[0].ID, b[7].ID, memo.ChunkID(newMemoID()), b[5].ID}
	got, err := r.s.Neighbours(ctx, r.p, ids, 1)
	r.must(err)
	want := []memo.Chunk{a[0], a[1], b[4], b[5], b[6], b[7], b[8]}
	chunks := make([]memo.Chunk, len(got))
	for i, p := range got {
		chunks[i] = p.Chunk
	}
	r.same(want, chunks, "neighbours")
	if got, err := r.s.Neighbours(ctx, r.p, ids, 0); len(got) != 3 || err != nil {
		r.Errorf("within 0 places are %d chunks, %v, want 3", len(got), err)
	}
	if got, err := r.s.Neighbours(ctx, r.p, nil, 3); len(got) != 0 || err != nil {
		r.Errorf("neighbours of nothing: %v, %v", got, err)
	}
}
