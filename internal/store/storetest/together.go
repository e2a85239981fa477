package storetest

import (
	"fmt"
	"sync"

	"kvasir/internal/account"
	"kvasir/internal/fault"
	"kvasir/internal/memo"
)

// writesFailAlone makes many writes at once, which the database commits together. A
// part of them is refused: that is told to those who made them, and to nobody else.
func writesFailAlone(r *room) {
	const memos = 48
	ctx := r.Context()
	for i := range memos {
		r.create(plain(fmt.Sprint("Memo ", i), "some text"))
	}
	work := r.claim(memos)
	lost := func(i int) bool { return i%5 == 2 }
	for i, w := range work {
		if lost(i) {
			r.must(r.s.Fail(ctx, w, "broken", r.now))
		}
	}
	together := func(name string, write func(w memo.Work) error) {
		var all sync.WaitGroup
		for i, w := range work {
			all.Go(func() {
				if err := write(w); fault.Is(err, fault.Conflict) != lost(i) || err != nil && !lost(i) {
					r.Errorf("%s of memo %d: %v", name, i, err)
				}
			})
			all.Go(func() {
				if r.s.CreateMemo(ctx, account.ProjectID("unknown"), newMemoID(), plain("T", "text"), r.now) == nil {
					r.Error("a memo of an unknown project is stored")
				}
			})
		}
		all.Wait()
	}
	together("SaveChunks", func(w memo.Work) error {
		return r.s.SaveChunks(ctx, w, halves(*w.Content), memo.StageEmbedding, r.now)
	})
	together("Finish", func(w memo.Work) error {
		_, err := r.s.Finish(ctx, w, r.now)
		return err
	})
	changes, err := r.s.Changes(ctx, r.p, "model", 0, 2*memos)
	r.must(err)
	chunks := map[memo.ID]int{}
	for _, c := range changes {
		chunks[c.Memo] = len(c.Chunks)
	}
	for i, w := range work {
		want := 2
		if lost(i) {
			want = 0
		}
		if chunks[w.Memo] != want {
			r.Errorf("memo %d has %d chunks, want %d", i, chunks[w.Memo], want)
		}
	}
}
