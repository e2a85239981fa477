package storetest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"kvasir/internal/event"
	"kvasir/internal/fault"
	"kvasir/internal/memo"
)

// A life is what a test knows of a memo that anything may happen to.
type life struct {
	content string // the newest; of a page only once it is parsed
	live    string
	tags    []string
	deleted bool
}

// A world is memos that anything happens to in any order, and an index that
// follows them.
type world struct {
	*room
	random  *rand.Rand
	lives   map[memo.ID]*life
	indexed map[memo.ID]memo.Change
	seen    int64
}

// anyLife lets anything happen in any order. After each step what is read must be
// what was written.
func anyLife(r *room) {
	for seed := range uint64(3) {
		w := &world{
			room: r, random: rand.New(rand.NewPCG(seed, 3)), lives: map[memo.ID]*life{}, indexed: map[memo.ID]memo.Change{},
			seen: r.latest(),
		}
		for range 80 {
			w.step()
			w.check()
		}
		w.checkLog()
		for id, l := range w.lives { // the next world begins with nothing to do
			if !l.deleted {
				w.remove(id)
			}
		}
	}
}

func (w *world) step() {
	w.Helper()
	id, l := w.any()
	switch n := w.random.IntN(10); {
	case n < 2 || l == nil:
		w.add()
	case n == 2:
		l.content = w.text()
		w.update(id, memo.Patch{Content: &l.content})
	case n == 3:
		w.update(id, memo.Patch{Title: new(w.text()[:5])})
	case n == 4:
		l.tags = []string{fmt.Sprint(w.random.IntN(3))}
		w.update(id, memo.Patch{Tags: l.tags})
	case n == 5:
		_, err := w.s.Reenrich(w.Context(), w.p, memo.Ref{ID: id}, memo.Aspects()[w.random.IntN(4):], w.tick())
		if err != nil && !fault.Is(err, fault.Conflict) {
			w.Error(err)
		}
	case n == 6 && w.random.IntN(3) == 0:
		w.remove(id)
	default:
		for _, work := range w.claim(1) {
			w.work(work)
		}
	}
}

// any returns a memo that is there, nil if there is none.
func (w *world) any() (memo.ID, *life) {
	var ids []memo.ID
	for id, l := range w.lives {
		if !l.deleted {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return "", nil
	}
	slices.Sort(ids)
	id := ids[w.random.IntN(len(ids))]
	return id, w.lives[id]
}

// text returns one that is short, or long enough to be in pieces.
func (w *world) text() string {
	n := 20 + w.random.IntN(200)
	if w.random.IntN(4) == 0 {
		n = 30_000 + w.random.IntN(60_000)
	}
	return fmt.Sprint(w.random.Uint32(), longText(n))
}

func (w *world) add() {
	d, l := page("https://example.org"), &life{}
	switch w.random.IntN(3) {
	case 0:
		d = document("stand-in", string(newMemoID()))
	case 1:
		l.content = w.text()
		d = plain("T", l.content)
	}
	w.lives[w.create(d)] = l
}

func (w *world) remove(id memo.ID) {
	_, err := w.s.DeleteMemo(w.Context(), w.p, memo.Ref{ID: id}, w.tick())
	w.must(err)
	w.lives[id].deleted = true
}

// work takes a claimed memo on its way, and stops anywhere.
func (w *world) work(work memo.Work) {
	w.Helper()
	ctx, l := w.Context(), w.lives[work.Memo]
	if work.Content == nil {
		l.content = w.text()
		work.Content = &l.content
		if work.File == nil {
			w.must(w.s.SaveFile(ctx, work, memo.File{Name: "a", Blob: string(newMemoID())}, w.now))
		}
		w.must(w.s.SaveParsed(ctx, work, memo.Parsed{Title: "Own", Text: l.content}, w.now))
	}
	if *work.Content != l.content {
		w.Fatalf("claimed a text of %d bytes, want %d", len(*work.Content), len(l.content))
	}
	chunks := work.Chunks
	if len(chunks) == 0 {
		chunks = pieces(l.content)
		w.must(w.s.SaveChunks(ctx, work, chunks, memo.StageEnriching, w.now))
	}
	var written []memo.Enrichment
	for i := range chunks[:w.random.IntN(len(chunks)+1)] {
		written = append(written, memo.Enrichment{Aspect: memo.AspectContext, Chunk: i, Texts: []string{w.text()[:5]}})
	}
	written = append(written, memo.Enrichment{Aspect: memo.AspectTags, Texts: []string{"auto", "1"}})
	w.must(w.s.SaveEnrichments(ctx, work, written))
	switch w.random.IntN(6) {
	case 0:
		w.must(w.s.Release(ctx, worker))
	case 1:
		w.must(w.s.Fail(ctx, work, "broken", w.tick()))
		_, err := w.s.RetryMemo(ctx, w.p, memo.Ref{ID: work.Memo}, w.tick())
		w.must(err)
	default:
		w.finish(work, chunks)
		l.live = l.content
	}
}

// check reads everything, and lets the index follow.
func (w *world) check() {
	w.Helper()
	for w.seen < w.latest() {
		page, err := w.s.Changes(w.Context(), w.p, "model", w.seen, 3)
		w.must(err)
		if len(page) == 0 {
			w.Fatalf("there is nothing after change %d, and the last is %d", w.seen, w.latest())
		}
		for _, c := range page {
			w.seen, w.indexed[c.Memo] = c.Seq, c
		}
	}
	for id, l := range w.lives {
		c, known := w.indexed[id]
		if l.deleted {
			if known && !c.Deleted {
				w.Fatal("the index does not know of a delete")
			}
			continue
		}
		m := w.find(id)
		if m.Content != nil && *m.Content != l.content || strings.ReplaceAll(texts(m.Chunks), "|", "") != l.live {
			w.Fatalf("memo %+v is not as it was written", m.Progress)
		}
		if !slices.Equal(m.Tags[:len(m.Tags)-len(m.AutoTags)], l.tags) {
			w.Fatalf("tags %v, of a model %v, want %v", m.Tags, m.AutoTags, l.tags)
		}
		if known != (m.Progress.Live != 0) || len(c.Chunks) != len(m.Chunks) || known && !slices.Equal(c.Tags, m.Tags) {
			w.Fatalf("indexed %+v with tags %v, want %v", m.Progress, c.Tags, m.Tags)
		}
		for i, chunk := range m.Chunks {
			if c.Chunks[i].ID != chunk.ID || !strings.Contains(c.Chunks[i].Text, chunk.Content) {
				w.Fatalf("chunk %d is indexed as %q", i, c.Chunks[i].Text)
			}
		}
	}
}

// checkLog tells the memos' lives from the log.
func (w *world) checkLog() {
	w.Helper()
	last := map[memo.ID]event.Event{}
	for _, e := range w.events(w.p, 0) {
		before, known := last[e.Memo]
		if known == (e.Kind == event.Created) || before.Kind == event.Deleted || e.Generation < before.Generation {
			w.Errorf("after %+v comes %+v", before, e)
		}
		last[e.Memo] = e
	}
	for id, l := range w.lives {
		if l.deleted != (last[id].Kind == event.Deleted) {
			w.Errorf("the log of a memo ends with %+v", last[id])
		}
	}
}
