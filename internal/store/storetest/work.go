package storetest

import (
	"fmt"
	"slices"
	"time"

	"kvasir/internal/account"
	"kvasir/internal/fault"
	"kvasir/internal/memo"
)

func claimOldestFirst(r *room) {
	var want []memo.ID
	for i := range 5 {
		want = append(want, r.create(plain(fmt.Sprint(i), "text")))
	}
	work := r.claim(3)
	r.sameIDs(idsOf(work), want[:3], "the first claim")
	for _, w := range work {
		if w.Worker != worker || w.Attempt != 1 || w.Generation != 1 || w.Project != r.p || *w.Content != "text" ||
			w.Stage != memo.StageChunking {
			r.Errorf("claimed %+v", w)
		}
	}
	m := r.find(want[0])
	if m.Progress.Started == nil || !m.Progress.Started.Equal(r.now) || m.Progress.Attempt != 1 {
		r.Errorf("progress of a claimed memo: %+v", m.Progress)
	}
	r.sameIDs(idsOf(r.claim(10)), want[3:], "the second claim")
	if work := r.claim(10); len(work) != 0 {
		r.Errorf("a third claim took %v", idsOf(work))
	}
}

func claimBoundedByBytes(r *room) {
	var ids []memo.ID
	for range 4 {
		ids = append(ids, r.create(plain("T", "0123456789")))
	}
	for i, step := range []struct {
		maxBytes int64
		want     []memo.ID
	}{
		{25, ids[:2]}, // the third does not fit
		{5, ids[2:3]}, // too large, but alone
		{10, ids[3:]},
	} {
		work, err := r.s.Claim(r.Context(), worker, 10, step.maxBytes, r.now)
		r.must(err)
		r.sameIDs(idsOf(work), step.want, fmt.Sprint("claim ", i))
	}
}

func leaseRunsOut(r *room) {
	ctx := r.Context()
	renewed, lost := r.create(plain("A", "text")), r.create(plain("B", "text"))
	if work := r.claim(10); len(work) != 2 {
		r.Fatalf("claimed %d memos, want 2", len(work))
	}
	later := r.now.Add(memo.Lease - time.Second)
	r.must(r.s.Renew(ctx, worker, []memo.ID{renewed}, later))
	r.must(r.s.Renew(ctx, "somebody else", []memo.ID{lost}, later))
	r.must(r.s.Renew(ctx, worker, nil, later))
	r.now = r.now.Add(memo.Lease)
	work, err := r.s.Claim(ctx, "second", 10, 1<<40, r.now)
	r.must(err)
	r.sameIDs(idsOf(work), []memo.ID{lost}, "claims after the lease")
	if len(work) == 1 && work[0].Attempt != 2 {
		r.Errorf("attempt %d, want 2", work[0].Attempt)
	}
}

func releasedAttempts(r *room) {
	ctx := r.Context()
	r.create(plain("A", "text"))
	for range 3 {
		if w := r.claimOne(); w.Attempt != 1 {
			r.Errorf("attempt %d, want 1", w.Attempt)
		}
		r.must(r.s.Release(ctx, "somebody else"))
		if work := r.claim(1); len(work) != 0 {
			r.Error("another worker's release freed the claim")
		}
		r.must(r.s.Release(ctx, worker))
	}
	r.claimOne()
	r.must(r.s.FreeClaims(ctx))
	if w := r.claimOne(); w.Attempt != 1 {
		r.Errorf("attempt %d after freeing all claims, want 1", w.Attempt)
	}
}

func postponedWaits(r *room) {
	ctx := r.Context()
	id := r.create(plain("A", "text"))
	until := r.now.Add(time.Minute)
	r.must(r.s.Postpone(ctx, r.claimOne(), until, "the model is busy"))
	_, p, err := r.s.FindProgress(ctx, r.p, memo.Ref{ID: id})
	r.must(err)
	if p.WaitingFor != "the model is busy" || p.NotBefore == nil || !p.NotBefore.Equal(until) || p.Attempt != 1 {
		r.Errorf("progress of a postponed memo: %+v", p)
	}
	if work := r.claim(1); len(work) != 0 {
		r.Error("a postponed memo was claimed before its time")
	}
	r.now = until
	if w := r.claimOne(); w.Attempt != 2 {
		r.Errorf("attempt %d, want 2", w.Attempt)
	}
	if p := r.find(id).Progress; p.WaitingFor != "" || p.NotBefore != nil {
		r.Errorf("a claimed memo waits: %+v", p)
	}
}

func claimIsFair(r *room) {
	other := r.db.AddProject(r.T)
	for i := range 50 {
		r.create(plain(fmt.Sprint(i), "text"))
	}
	late := r.createIn(other, plain("late", "text"))
	if work := r.claim(10); !slices.Contains(idsOf(work), late) {
		r.Errorf("ten claims passed over the only memo of the other project: %v", idsOf(work))
	}
	// The big project holds nine claims now and the other one.
	var fresh []memo.ID
	for i := range 4 {
		fresh = append(fresh, r.createIn(other, plain(fmt.Sprint(i), "text")))
	}
	r.sameIDs(idsOf(r.claim(4)), fresh, "claims of the project that is served least")
}

func everyProjectHasItsTurn(r *room) {
	projects := []account.ProjectID{r.p}
	for range 6 {
		projects = append(projects, r.db.AddProject(r.T))
	}
	for _, p := range projects {
		for i := range 3 {
			r.createIn(p, plain(fmt.Sprint(i), "text"))
		}
	}
	seen := map[account.ProjectID]int{}
	for range len(projects) {
		w := r.claim(1)[0]
		seen[w.Project]++
		r.must(r.s.Fail(r.Context(), w, "done with", r.now))
	}
	if len(seen) != len(projects) {
		r.Errorf("%d claims served %d of %d projects", len(projects), len(seen), len(projects))
	}
}

// results are all the ways in which a worker writes to a claimed memo.
func results(r *room, w memo.Work) map[string]error {
	ctx := r.Context()
	_, finish := r.s.Finish(ctx, w, r.now)
	return map[string]error{
		"Enter":           r.s.Enter(ctx, w, memo.StageParsing),
		"SaveProgress":    r.s.SaveProgress(ctx, w, 1, 2),
		"SaveFile":        r.s.SaveFile(ctx, w, memo.File{Blob: "stale"}, r.now),
		"SaveParsed":      r.s.SaveParsed(ctx, w, memo.Parsed{Text: "stale", Title: "stale"}, r.now),
		"SaveLongText":    r.s.SaveParsed(ctx, w, memo.Parsed{Text: longText(100_000)}, r.now),
		"SaveEnrichments": r.s.SaveEnrichments(ctx, w, []memo.Enrichment{{Aspect: memo.AspectSummary}}),
		"SaveChunks":      r.s.SaveChunks(ctx, w, halves("stale"), memo.StageEmbedding, r.now),
		"Finish":          finish,
		"Fail":            r.s.Fail(ctx, w, "stale", r.now),
		"Postpone":        r.s.Postpone(ctx, w, r.now, "stale"),
	}
}

func lostClaimsAreRefused(r *room) {
	ctx := r.Context()
	lose := map[string]func(w memo.Work){
		"a newer generation": func(w memo.Work) { r.update(w.Memo, memo.Patch{Content: new("newer")}) },
		"a delete": func(w memo.Work) {
			_, err := r.s.DeleteMemo(ctx, r.p, memo.Ref{ID: w.Memo}, r.now)
			r.must(err)
		},
		"another worker": func(memo.Work) {
			r.now = r.now.Add(2 * memo.Lease)
			_, err := r.s.Claim(ctx, "second", 10, 1<<40, r.now)
			r.must(err)
		},
		"a failure": func(w memo.Work) { r.must(r.s.Fail(ctx, w, "broken", r.now)) },
		"a release": func(memo.Work) { r.must(r.s.Release(ctx, worker)) },
		"the end": func(w memo.Work) {
			_, err := r.s.Finish(ctx, w, r.now)
			r.must(err)
		},
	}
	for name, lost := range lose {
		r.create(plain(name, "text"))
		w := r.claimOne()
		lost(w)
		for method, err := range results(r, w) {
			r.refused(err, fault.Conflict, method+" after "+name)
		}
		for _, rest := range r.claim(10) { // leave nothing to the next case
			r.must(r.s.Fail(ctx, rest, "done with", r.now))
		}
	}
}

func workResumes(r *room) {
	ctx := r.Context()
	id := r.create(plain("T", "some text"))
	w := r.claimOne()
	chunks := halves(*w.Content)
	r.must(r.s.SaveChunks(ctx, w, chunks, memo.StageEmbedding, r.now))
	r.must(r.s.SaveVectors(ctx, "model", vectorsOf(chunks[:1])))
	resume := func(what string) memo.Work {
		w := r.claimOne()
		if w.Stage != memo.StageEmbedding || len(w.Chunks) != 2 || w.Chunks[0].ID != chunks[0].ID ||
			texts(w.Chunks) != texts(chunks) || !slices.Equal(w.Chunks[1].Headings, chunks[1].Headings) {
			r.Errorf("after %s: claimed %+v, want the stored chunks", what, w)
		}
		have, err := r.s.EmbeddedChunks(ctx, r.p, id, w.Generation, "model")
		r.must(err)
		if len(have) != 1 || !have[chunks[0].ID] {
			r.Errorf("after %s: embedded %v, want the first chunk", what, have)
		}
		return w
	}
	r.must(r.s.Release(ctx, worker))
	w = resume("a release")
	_, p, err := r.s.FindProgress(ctx, r.p, memo.Ref{ID: id})
	r.must(err)
	if p.ChunksDone != 1 || p.ChunksTotal != 2 {
		r.Errorf("progress %d of %d, want 1 of 2", p.ChunksDone, p.ChunksTotal)
	}
	r.must(r.s.Fail(ctx, w, "no credit", r.now))
	_, err = r.s.RetryMemo(ctx, r.p, memo.Ref{ID: id}, r.tick())
	r.must(err)
	w = resume("a retry")
	r.must(r.s.SaveChunks(ctx, w, halves("text some"), memo.StageEmbedding, r.now))
	if have, err := r.s.EmbeddedChunks(ctx, r.p, id, 1, "model"); len(have) != 0 || err != nil {
		r.Errorf("new chunks have vectors %v, %v", have, err)
	}
}

func onlyFailedAreRetried(r *room) {
	ctx := r.Context()
	id := r.create(plain("T", "text"))
	ref := memo.Ref{ID: id}
	_, err := r.s.RetryMemo(ctx, r.p, ref, r.now)
	r.refused(err, fault.Conflict, "retrying a waiting memo")
	r.must(r.s.Fail(ctx, r.claimOne(), "The file is broken", r.tick()))
	p := r.find(id).Progress
	if p.Stage != memo.StageError || p.Error != "The file is broken" || p.Completed == nil || !p.Completed.Equal(r.now) {
		r.Errorf("progress of a failed memo: %+v", p)
	}
	if work := r.claim(1); len(work) != 0 {
		r.Error("a failed memo was claimed")
	}
	got, err := r.s.RetryMemo(ctx, r.p, ref, r.tick())
	r.must(err)
	p = r.find(id).Progress
	if got != id || p.Stage != memo.StageReceived || p.Error != "" || p.Attempt != 0 || p.Completed != nil {
		r.Errorf("progress of a retried memo: %+v", p)
	}
	r.process(r.claimOne())
	_, err = r.s.RetryMemo(ctx, r.p, ref, r.now)
	r.refused(err, fault.Conflict, "retrying a processed memo")
}

func wakeIsSignalled(r *room) {
	for len(r.s.Wake()) > 0 { // what opening has left
		<-r.s.Wake()
	}
	r.create(plain("T", "text"))
	r.create(plain("T", "text"))
	select {
	case <-r.s.Wake():
	default:
		r.Error("no signal after a create")
	}
}
