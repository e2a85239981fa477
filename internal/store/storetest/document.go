package storetest

import (
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"kvasir/internal/fault"
	"kvasir/internal/memo"
)

// page is a draft of a page of the web, known by its address until it is loaded.
func page(url string) memo.Draft {
	return memo.Draft{Attributes: memo.Attributes{Title: url}, URL: url, Untitled: true}
}

// longText returns a text of about so many bytes whose characters are of different
// lengths, and no two of whose passages are alike.
func longText(bytes int) string {
	var b strings.Builder
	random := rand.New(rand.NewPCG(1, uint64(bytes)))
	for b.Len() < bytes {
		fmt.Fprintf(&b, "%d 鸭 ünd 🦆 duck\n", random.Uint64())
	}
	return b.String()
}

func pageIsFetched(r *room) {
	ctx := r.Context()
	const url = "https://example.org/ducks"
	id := r.create(page(url))
	m := r.find(id)
	if m.Type != memo.TypeDocument || m.URL != url || m.File != nil || m.Content != nil || m.ContentLength != nil ||
		m.ContentHash != fmt.Sprintf("%x", sha256.Sum256([]byte(url))) || m.Progress.Stage != memo.StageReceived {
		r.Errorf("a page before it is loaded: %+v", m)
	}
	w := r.claimOne()
	if w.Stage != memo.StageFetching || w.URL != url || !w.Untitled || w.File != nil || w.Content != nil {
		r.Errorf("claimed %+v, want a page to be loaded", w)
	}
	file := memo.File{Name: "ducks.html", MIMEType: "text/html", Size: 1234, Blob: "blob", Hash: "hash"}
	r.must(r.s.SaveFile(ctx, w, file, r.now))
	m = r.find(id)
	if m.Progress.Stage != memo.StageParsing || *m.File != file || m.ContentHash != "hash" || m.Content != nil {
		r.Errorf("a loaded page: %+v", m)
	}
	r.must(r.s.Release(ctx, worker))
	w = r.claimOne()
	if w.Stage != memo.StageParsing || *w.File != file {
		r.Errorf("claimed %+v, want the file to be parsed", w)
	}
	r.process(w)
	if list, _, err := r.s.ListMemos(ctx, r.p, 0, 1); err != nil || list[0].URL != url {
		r.Errorf("listed as %+v, %v", list, err)
	}
	gone, err := r.s.DeleteMemo(ctx, r.p, memo.Ref{ID: id}, r.now)
	r.must(err)
	if !slices.Equal(gone.Blobs, []string{"blob"}) {
		r.Errorf("deleting leaves %v, want the page's file", gone.Blobs)
	}
}

func pageIsLoadedAgain(r *room) {
	ctx := r.Context()
	first := r.upsert(page("https://example.org"))
	w := r.claimOne()
	r.must(r.s.SaveFile(ctx, w, memo.File{Name: "a", Blob: "one", Hash: "h"}, r.now))
	w.File = &memo.File{Name: "a"}
	r.process(w)
	again := r.upsert(page("https://example.org"))
	if again.Created || !again.Reindexed || again.Generation != first.Generation+1 {
		r.Errorf("a page upserted again: %+v", again)
	}
	if m := r.find(first.ID); m.File != nil || m.Progress.Live != 1 || m.Content != nil {
		r.Errorf("a page being loaded again: %+v", m)
	}
	file, err := r.s.FindOriginal(ctx, r.p, memo.Ref{ID: first.ID})
	if r.must(err); file.Blob != "one" {
		r.Errorf("the original is %+v, want that of the live generation", file)
	}
	w = r.claimOne()
	if w.Stage != memo.StageFetching {
		r.Errorf("claimed in stage %s, want fetching", w.Stage)
	}
	r.must(r.s.SaveFile(ctx, w, memo.File{Name: "a", Blob: "two", Hash: "h"}, r.now))
	r.must(r.s.SaveParsed(ctx, w, memo.Parsed{Text: "new text"}, r.now))
	dropped, err := r.s.Finish(ctx, w, r.now)
	r.must(err)
	if !slices.Equal(dropped, []string{"one"}) {
		r.Errorf("finishing drops %v, want the older file", dropped)
	}
}

func documentTellsItsTitle(r *room) {
	ctx := r.Context()
	d := document("report.pdf", "blob")
	d.Untitled = true
	id := r.upsert(d).ID
	w := r.claimOne()
	r.must(r.s.SaveParsed(ctx, w, memo.Parsed{Text: "text", Title: "On Ducks"}, r.now))
	r.must(r.s.Release(ctx, worker))
	w = r.claimOne()
	if m := r.find(id); m.Title != "On Ducks" || w.Title != "On Ducks" {
		r.Errorf("titled %q, and for the worker %q", m.Title, w.Title)
	}
	chunks := r.process(w)
	passages, err := r.s.Passages(ctx, r.p, []memo.ChunkID{chunks[0].ID})
	if r.must(err); passages[0].Title != "On Ducks" {
		r.Errorf("found as %q", passages[0].Title)
	}
	if up := r.upsert(d); up.Reindexed || r.find(id).Title != "On Ducks" {
		r.Errorf("the same file again: %+v, titled %q", up, r.find(id).Title)
	}
	titled := document("mine", "blob")
	if up := r.upsert(titled); !up.Reindexed || r.find(id).Title != "mine" {
		r.Errorf("with a title: %+v, %q", up, r.find(id).Title)
	}
	w = r.claimOne()
	r.must(r.s.SaveParsed(ctx, w, memo.Parsed{Text: "text", Title: "On Ducks"}, r.now))
	if title := r.find(id).Title; title != "mine" {
		r.Errorf("a title that was given became %q", title)
	}
	if up := r.upsert(d); !up.Reindexed || r.find(id).Title != "report.pdf" {
		r.Errorf("without a title again: %+v, %q", up, r.find(id).Title)
	}
}

func titleOfAPersonStays(r *room) {
	ctx := r.Context()
	for _, title := range []string{"mine", "report.pdf"} { // the latter is the stand-in
		d := document("report.pdf", "blob "+title)
		d.Untitled = true
		id := r.create(d)
		w := r.claimOne()
		r.update(id, memo.Patch{Title: &title})
		err := r.s.SaveParsed(ctx, w, memo.Parsed{Text: "text", Title: "On Ducks"}, r.now)
		if title == "mine" {
			r.refused(err, fault.Conflict, "parsed under the stand-in")
			w = r.claimOne()
			err = r.s.SaveParsed(ctx, w, memo.Parsed{Text: "text", Title: "On Ducks"}, r.now)
		}
		r.must(err)
		if m := r.find(id); m.Title != title {
			r.Errorf("titled %q by a person, and then %q", title, m.Title)
		}
		r.must(r.s.Fail(ctx, w, "done with", r.now))
	}
}

func partsGoWithTheText(r *room) {
	ctx := r.Context()
	id := r.create(document("T", "blob"))
	w := r.claimOne()
	parts := []memo.Part{
		{Kind: memo.PartPage, Number: 1, End: 5}, {Kind: memo.PartSheet, Number: 1, Name: "S", Start: 5, End: 9},
	}
	r.must(r.s.SaveParsed(ctx, w, memo.Parsed{Text: "some text", Parts: parts}, r.now))
	r.must(r.s.Release(ctx, worker))
	w = r.claimOne()
	r.same(parts, w.Parts, "the parts of work")
	chunks := halves(*w.Content)
	chunks[0].Page, chunks[1].Page, chunks[1].Header = 1, 2, "| a |\n|---|\n"
	r.must(r.s.SaveChunks(ctx, w, chunks, memo.StageEmbedding, r.now))
	_, err := r.s.Finish(ctx, w, r.now)
	r.must(err)
	m := r.find(id)
	r.same(parts, m.Parts, "the parts of the memo")
	r.same(chunks, m.Chunks, "the chunks of the memo")
	live, err := r.s.Parts(ctx, r.p, id)
	r.must(err)
	r.same(parts, live, "the parts that are searched")
	_, err = r.s.Parts(ctx, r.db.AddProject(r.T), id)
	r.refused(err, fault.NotFound, "parts of another project's memo")
	passages, err := r.s.Passages(ctx, r.p, []memo.ChunkID{chunks[1].ID})
	r.must(err)
	r.same(chunks[1], passages[0].Chunk, "the passage")
	missing, err := r.s.MissingVectors(ctx, memo.IndexVersion{Model: "model", Cut: 1}, "", 10)
	r.must(err)
	r.same(chunks[1], missing[1].Chunk, "what is to be embedded")
	changes, err := r.s.Changes(ctx, r.p, "model", 0, 10)
	if r.must(err); indexed(changes[0], 1) != memo.IndexText("T", &chunks[1]) {
		r.Errorf("indexed as %q", changes[0].Chunks[1].Text)
	}
	r.update(id, memo.Patch{Title: new("U")})
	if w := r.claimOne(); len(w.Parts) != 2 {
		r.Errorf("a new title has cost the parts: %+v", w)
	}
	m = r.update(id, memo.Patch{Content: new("by hand")})
	if w := r.claimOne(); len(w.Parts) != 0 || len(m.Parts) != 2 {
		r.Errorf("a new text has parts %v, the live one %v", w.Parts, m.Parts)
	}
}

func pagesAreCounted(r *room) {
	ctx := r.Context()
	id := r.create(document("T", "blob"))
	w := r.claimOne()
	r.must(r.s.SaveProgress(ctx, w, 3, 10))
	pages := func(what string, done, total int) {
		r.Helper()
		_, p, err := r.s.FindProgress(ctx, r.p, memo.Ref{ID: id})
		if r.must(err); p.PagesDone != done || p.PagesTotal != total {
			r.Errorf("%s: %d of %d pages, want %d of %d", what, p.PagesDone, p.PagesTotal, done, total)
		}
	}
	pages("in work", 3, 10)
	r.must(r.s.Fail(ctx, w, "broken", r.now))
	_, err := r.s.RetryMemo(ctx, r.p, memo.Ref{ID: id}, r.tick())
	r.must(err)
	pages("retried", 3, 10)
	r.update(id, memo.Patch{Title: new("U")})
	pages("a new generation", 0, 0)
}

// Long texts are kept in pieces, which nobody is to notice.
func longTextsAreReadAsWritten(r *room) {
	ctx := r.Context()
	for _, bytes := range []int{32 << 10, 33 << 10, 300_005, 2_500_000} {
		text := longText(bytes)
		cut := bytes - 7
		short := text[:cut] // not at the end of a piece
		id := r.create(plain("T", short))
		w := r.claimOne()
		if *w.Content != short {
			r.Errorf("a text of %d bytes is claimed as another one of %d", cut, len(*w.Content))
		}
		chunks := pieces(short)
		r.must(r.s.SaveChunks(ctx, w, chunks, memo.StageEmbedding, r.now))
		_, err := r.s.Finish(ctx, w, r.now)
		r.must(err)
		m := r.find(id)
		if *m.Content != short || *m.ContentLength != memo.UTF16Len(short) {
			r.Errorf("a text of %d bytes is read as another one", cut)
		}
		r.same(chunks, m.Chunks, "chunks")
		readsPassages(r, id, short, chunks)
		if m := r.update(id, memo.Patch{Content: &short}); m.Progress.Generation != 1 {
			r.Error("the same long text began a generation")
		}
		other := short[:cut-1] + "!"
		if m := r.update(id, memo.Patch{Title: new("U"), Content: &other}); *m.Content != other {
			r.Errorf("the new text of %d bytes is read as another one", cut)
		}
		m = r.update(id, memo.Patch{Title: new("V")})
		if *m.Content != other || texts(m.Chunks[:1]) != short[:chunks[0].End] {
			r.Error("a new title has changed a text")
		}
		_, err = r.s.DeleteMemo(ctx, r.p, memo.Ref{ID: id}, r.now)
		r.must(err)
	}
}

// readsPassages reads chunks in any order, and all of them in order.
func readsPassages(r *room, id memo.ID, text string, chunks []memo.Chunk) {
	r.Helper()
	ctx := r.Context()
	var ids []memo.ChunkID
	for _, i := range rand.Perm(len(chunks))[:min(50, len(chunks))] {
		ids = append(ids, chunks[i].ID)
	}
	passages, err := r.s.Passages(ctx, r.p, ids)
	r.must(err)
	snippet := string([]rune(text)[:100])
	for i, p := range passages {
		if p.ID != ids[i] || p.Content != text[p.Start:p.End] || p.Snippet != snippet {
			r.Fatalf("passage %+v, want %q", p, text[p.Start:p.End])
		}
	}
	missing, err := r.s.MissingVectors(ctx, memo.IndexVersion{Model: "model", Cut: 1}, "", len(chunks)+1)
	r.must(err)
	changes, err := r.s.Changes(ctx, r.p, "model", r.latest()-1, 100)
	r.must(err)
	last := changes[0]
	if last.Memo != id || len(last.Chunks) != len(chunks) || len(missing) != len(chunks) {
		r.Fatalf("%d chunks are indexed, and %d are to be embedded of %d", len(last.Chunks), len(missing), len(chunks))
	}
	for i := range last.Chunks {
		if got := indexed(last, i); got != memo.IndexText("T", &chunks[i]) {
			r.Fatalf("chunk %d is indexed as %q", i, got)
		}
	}
}

// pieces cuts a text into chunks of different lengths, some of them long.
func pieces(text string) (chunks []memo.Chunk) {
	random := rand.New(rand.NewPCG(2, uint64(len(text))))
	for start := 0; start < len(text); {
		n := 500 + random.IntN(1000)
		if random.IntN(50) == 0 {
			n = 50_000
		}
		end := min(start+n, len(text))
		chunks = append(chunks, memo.Chunk{
			ID: memo.ChunkID(newMemoID()), Index: len(chunks), Start: start, End: end, Content: text[start:end],
		})
		start = end
	}
	return chunks
}

// A worker that is cut short leaves pieces behind; the next one begins anew.
func longTextIsWrittenOnce(r *room) {
	ctx := r.Context()
	id := r.create(document("T", "blob"))
	first := longText(2 << 20)
	w := r.claimOne()
	r.must(r.s.SaveParsed(ctx, w, memo.Parsed{Text: first}, r.now))
	second := first[1000:100_000]
	r.must(r.s.SaveParsed(ctx, w, memo.Parsed{Text: second}, r.now))
	if m := r.find(id); *m.Content != second {
		r.Errorf("a text of %d bytes is read as one of %d", len(second), len(*m.Content))
	}
	r.must(r.s.SaveParsed(ctx, w, memo.Parsed{Text: "short"}, r.now))
	if m := r.find(id); *m.Content != "short" {
		r.Errorf("a short text is read as one of %d bytes", len(*m.Content))
	}
}

func originalIsFound(r *room) {
	ctx := r.Context()
	id := r.create(plain("T", "text"))
	_, err := r.s.FindOriginal(ctx, r.p, memo.Ref{ID: id})
	r.refused(err, fault.NotFound, "the original of a text")
	d := document("T", "blob")
	id = r.create(d)
	file, err := r.s.FindOriginal(ctx, r.p, memo.Ref{ID: id})
	if r.must(err); file != *d.File {
		r.Errorf("the original is %+v, want %+v", file, *d.File)
	}
	r.update(id, memo.Patch{Content: new("by hand")})
	if file, err = r.s.FindOriginal(ctx, r.p, memo.Ref{ID: id}); file != *d.File || err != nil {
		r.Errorf("after an edit the original is %+v, %v", file, err)
	}
}

// The many chunks of a book are stored in steps. Those that are left of a worker
// that was cut short are no result.
func manyChunksAreAllOrNone(r *room) {
	ctx := r.Context()
	r.create(plain("T", longText(100_000)))
	w := r.claimOne()
	chunks := make([]memo.Chunk, 5000)
	for i := range chunks {
		start, end := i*20, (i+1)*20
		if i == len(chunks)-1 {
			end = len(*w.Content)
		}
		chunks[i] = memo.Chunk{
			ID: memo.ChunkID(newMemoID()), Index: i, Start: start, End: end, Content: (*w.Content)[start:end],
		}
	}
	again := slices.Clone(chunks)
	again[3000].ID = again[2000].ID // the third step is refused
	if err := r.s.SaveChunks(ctx, w, again, memo.StageEmbedding, r.now); err == nil {
		r.Error("two chunks of one id are stored")
	}
	r.must(r.s.Release(ctx, worker))
	if w = r.claimOne(); w.Stage != memo.StageChunking || len(w.Chunks) != 0 {
		r.Errorf("claimed in stage %s with %d chunks, want none", w.Stage, len(w.Chunks))
	}
	r.must(r.s.SaveChunks(ctx, w, chunks, memo.StageEmbedding, r.now))
	r.must(r.s.Release(ctx, worker))
	if w = r.claimOne(); w.Stage != memo.StageEmbedding {
		r.Errorf("claimed in stage %s, want embedding", w.Stage)
	}
	r.same(chunks, w.Chunks, "the chunks")
}
