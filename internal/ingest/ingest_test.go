package ingest_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sync/errgroup"

	"kvasir/internal/account"
	"kvasir/internal/blob"
	"kvasir/internal/fault"
	"kvasir/internal/ingest"
	"kvasir/internal/llm"
	"kvasir/internal/memo"
	"kvasir/internal/store"
	"kvasir/internal/store/sqlite"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// models is a small embedding model: a vector of a text's length and first byte.
// It refuses texts that say so, and can be told to be down or to wait.
type models struct {
	name string

	mu    sync.Mutex
	texts []string // all it was asked for
	down  bool
	spent bool          // the budget is
	kind  bool          // it takes poison
	gate  chan struct{} // when set, every call waits for it

	limit    int                     // of tokens; 100
	versions func() []ingest.Version // nil for one of this model

	asks  []llm.GenerateRequest // all it was to write
	faint int                   // it fails after so many; 0 for never
}

func (m *models) Spec() llm.EmbedSpec {
	return llm.EmbedSpec{Model: m.name, MaxTokens: cmp.Or(m.limit, 100)}
}

func (m *models) Tokenizer() string { return "words" }

// Versions are what the test has set, or the one of this model.
func (m *models) Versions() []ingest.Version {
	m.mu.Lock()
	versions := m.versions
	m.mu.Unlock()
	if versions != nil {
		return versions()
	}
	v := ingest.Version{IndexVersion: memo.IndexVersion{ID: 1, State: memo.VersionLive, Model: m.name, Cut: 1}}
	if m.name != "" {
		v.Embedder = m
	}
	return []ingest.Version{v}
}

func (m *models) CountTokens(text string) int { return len(strings.Fields(text)) }

func (m *models) Embed(ctx context.Context, _ llm.Call, _ llm.Input, texts []string) ([]llm.Vector, error) {
	m.mu.Lock()
	down, spent, gate, kind := m.down, m.spent, m.gate, m.kind
	m.texts = append(m.texts, texts...)
	m.mu.Unlock()
	if gate != nil {
		select {
		case <-gate:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if spent {
		return nil, fault.New(fault.Exhausted, "The server's budget for the day is spent")
	}
	if down {
		return nil, fault.New(fault.Unavailable, "test: sick upstream (HTTP 503)")
	}
	var err error
	out := make([]llm.Vector, len(texts))
	for i, text := range texts {
		if strings.Contains(text, "poison") && !kind {
			err = fault.New(fault.Invalid, "test: bad request (HTTP 400): no poison please")
			continue
		}
		out[i] = llm.Vector{float32(len(text)), float32(text[0])}
	}
	return out, err
}

// Generate writes a line or two that say what they were asked for. It refuses what
// is poison, too.
func (m *models) Generate(
	_ context.Context, _ llm.Call, _ string, req llm.GenerateRequest,
) iter.Seq2[llm.Event, error] {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asks = append(m.asks, req)
	faint := m.faint > 0 && len(m.asks) > m.faint
	return func(yield func(llm.Event, error) bool) {
		ask := req.Messages[2].Text
		_, passage, _ := strings.Cut(ask, "<<<passage")
		switch {
		case faint:
			yield(llm.Event{}, fault.New(fault.Unavailable, "test: sick upstream (HTTP 503)"))
		case strings.Contains(passage, "poison"):
			yield(llm.Event{}, fault.New(fault.Invalid, "test: bad request (HTTP 400): no poison please"))
		case strings.Contains(ask, "paragraph"):
			yield(llm.Event{Text: "About\nducks.\n"}, nil)
		case strings.Contains(ask, "tags"):
			yield(llm.Event{Text: "1. ducks\n- water birds, herons\nducks"}, nil)
		case strings.Contains(ask, "questions"):
			yield(llm.Event{Text: "1. What swims?\n2. \"What flies?\"\n"}, nil)
		default:
			words := strings.Fields(passage)
			_ = yield(llm.Event{Text: "From the part "}, nil) &&
				yield(llm.Event{Text: "that begins with " + strings.Join(words[1:4], " ") + "."}, nil)
		}
	}
}

func (m *models) set(change func(m *models)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	change(m)
}

func (m *models) asked() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]string(nil), m.texts...)
}

// load fetches a page.
func load(ctx context.Context, url string) (ingest.Page, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return ingest.Page{}, err
	}
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		return ingest.Page{}, fault.Wrap(fault.Unavailable, "The site does not answer", err)
	}
	if answer.StatusCode != http.StatusOK {
		return ingest.Page{}, errors.Join(answer.Body.Close(),
			fault.New(fault.Unavailable, fmt.Sprint("The site answers with ", answer.StatusCode)))
	}
	return ingest.Page{Name: "page.html", MIMEType: answer.Header.Get("Content-Type"), Body: answer.Body}, nil
}

// A room is a real store in a folder of its own, with the service upon it.
type room struct {
	*ingest.Service
	t       *testing.T
	dir     string
	store   *store.Store
	project account.ProjectID
	models  *models
	stop    func()
}

func open(t *testing.T, dir string, m *models) *room {
	t.Helper()
	ctx := t.Context()
	st, err := sqlite.Open(ctx, dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	key, err := account.ParseKey("sk_proj_" + strings.Repeat("0a", 20))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := st.EnsureProject(ctx, key, time.Now()); err != nil {
		t.Fatal(err)
	}
	caller, err := st.FindKey(ctx, key.Hash())
	if err != nil {
		t.Fatal(err)
	}
	files, err := blob.Open(dir + "/blob")
	if err != nil {
		t.Fatal(err)
	}
	read := func(
		_ context.Context, f memo.File, body ingest.Original, progress func(done, total int),
	) (memo.Parsed, error) {
		if f.Name == "broken.pdf" {
			return memo.Parsed{}, fault.New(fault.Invalid, "broken.pdf is not a PDF")
		}
		text, err := io.ReadAll(io.NewSectionReader(body, 0, f.Size))
		progress(1, 1)
		half := len(text) / 2
		return memo.Parsed{Title: "As the file says", Text: string(text), Parts: []memo.Part{
			{Kind: memo.PartPage, Number: 1, End: half}, {Kind: memo.PartPage, Number: 2, Start: half, End: len(text)},
		}}, err
	}
	r := &room{
		Service: ingest.New(st, ingest.Originals{Files: files, Parse: read, Fetch: load}, m, slog.New(slog.DiscardHandler), &ingest.Options{Writer: "w"}),
		t:       t, dir: dir, store: st, project: caller.Project, models: m,
	}
	r.stop = sync.OnceFunc(func() {
		if err := files.Close(); err != nil {
			t.Error(err)
		}
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(r.stop)
	return r
}

// run works until the returned function is called, which waits for the end.
func (r *room) run() (end func()) {
	ctx, cancel := context.WithCancel(r.t.Context())
	var g errgroup.Group
	g.Go(func() error { return r.Run(ctx) })
	g.Go(func() error { return r.Fill(ctx) })
	end = sync.OnceFunc(func() {
		cancel()
		if err := g.Wait(); err != nil {
			r.t.Errorf("Run: %v", err)
		}
	})
	r.t.Cleanup(end)
	return end
}

func (r *room) add(content string) memo.ID {
	r.t.Helper()
	id, err := r.Add(r.t.Context(), r.project, memo.Draft{
		Attributes: memo.Attributes{Title: "Title"}, Content: content,
	}, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	return id
}

// wait polls until the memo's progress is as wanted.
func (r *room) wait(id memo.ID, want func(memo.Progress) bool) memo.Progress {
	r.t.Helper()
	var last memo.Progress
	for range 3000 {
		_, p, err := r.store.FindProgress(r.t.Context(), r.project, memo.Ref{ID: id})
		if err != nil {
			r.t.Fatal(err)
		}
		if want(p) {
			return p
		}
		last = p
		poll := time.NewTimer(10 * time.Millisecond)
		<-poll.C
	}
	r.t.Fatalf("memo %s is stuck: %+v", id, last)
	return last
}

func ended(p memo.Progress) bool {
	return p.Stage == memo.StageProcessed || p.Stage == memo.StageError
}

func (r *room) find(id memo.ID) memo.Memo {
	r.t.Helper()
	m, err := r.store.FindMemo(r.t.Context(), r.project, memo.Ref{ID: id})
	if err != nil {
		r.t.Fatal(err)
	}
	return m
}

// live returns what an index sees of each memo, by id.
func (r *room) live() map[memo.ID]memo.Change {
	r.t.Helper()
	changes, err := r.store.Changes(r.t.Context(), r.project, r.models.name, 0, 10_000)
	if err != nil {
		r.t.Fatal(err)
	}
	out := map[memo.ID]memo.Change{}
	for _, c := range changes {
		out[c.Memo] = c
	}
	return out
}

func words(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "Sentence %d says something about ducks and herons. ", i)
	}
	return b.String()
}

func TestManyMemosAtOnce(t *testing.T) {
	t.Parallel()
	r := open(t, t.TempDir(), &models{name: "m"})
	r.run()
	var g errgroup.Group
	ids := make([]memo.ID, 50)
	for i := range ids {
		g.Go(func() (err error) {
			ids[i], err = r.Add(t.Context(), r.project, memo.Draft{
				Attributes: memo.Attributes{Title: fmt.Sprint("Memo ", i)}, Content: words(10 + i),
			}, nil)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	for _, id := range ids {
		if p := r.wait(id, ended); p.Stage != memo.StageProcessed {
			t.Fatalf("memo ended as %s: %s", p.Stage, p.Error)
		}
		m := r.find(id)
		var joined strings.Builder
		for i, c := range m.Chunks {
			if c.Index != i || c.Start != joined.Len() {
				t.Fatalf("chunk %d has index %d and starts at %d, want %d", i, c.Index, c.Start, joined.Len())
			}
			if n := r.models.CountTokens(memo.IndexText(m.Title, &c)); n > 100 {
				t.Errorf("chunk %d has %d tokens, over 100", i, n)
			}
			joined.WriteString(c.Content)
		}
		if joined.String() != *m.Content {
			t.Errorf("the chunks of %s do not tile its content", id)
		}
	}
	for id, c := range r.live() {
		for _, ic := range c.Chunks {
			if ic.Vector == nil {
				t.Errorf("chunk %s of %s has no vector", ic.ID, id)
			}
		}
	}
}

func TestEmptyContentIsProcessedWithoutChunks(t *testing.T) {
	t.Parallel()
	r := open(t, t.TempDir(), &models{name: "m"})
	r.run()
	id := r.add("   \n")
	if p := r.wait(id, ended); p.Stage != memo.StageProcessed || p.ChunksTotal != 0 {
		t.Errorf("ended as %+v, want processed with no chunks", p)
	}
}

func TestTheLastOfManyEditsIsLive(t *testing.T) {
	t.Parallel()
	r := open(t, t.TempDir(), &models{name: "m"})
	r.run()
	id := r.add("edit first")
	for i := range 20 {
		text := fmt.Sprintf("edit number %d ends here", i)
		if _, err := r.Update(t.Context(), r.project, memo.Ref{ID: id}, memo.Patch{Content: &text}); err != nil {
			t.Fatal(err)
		}
		if p := r.find(id).Progress; i == 19 && p.Stage == memo.StageError {
			t.Fatalf("status after an edit is %s", p.Stage)
		}
	}
	r.wait(id, func(p memo.Progress) bool { return p.Stage == memo.StageProcessed && p.Generation == 21 })
	live := r.live()
	if len(live) != 1 || len(live[id].Chunks) != 1 {
		t.Fatalf("the index sees %+v, want one chunk", live)
	}
	if got := live[id].Chunks[0].Text; !strings.Contains(got, "edit number 19") {
		t.Errorf("the live chunk is %q, want the last edit", got)
	}
}

func TestAnEditThatChangesNothingStopsNothing(t *testing.T) {
	t.Parallel()
	gate := make(chan struct{})
	r := open(t, t.TempDir(), &models{name: "m", gate: gate})
	r.run()
	id := r.add("the same text")
	r.wait(id, func(p memo.Progress) bool { return p.Stage == memo.StageEmbedding })
	patch := memo.Patch{Title: new(r.find(id).Title), Content: new("the same text")}
	if _, err := r.Update(t.Context(), r.project, memo.Ref{ID: id}, patch); err != nil {
		t.Fatal(err)
	}
	close(gate)
	if p := r.wait(id, ended); p.Stage != memo.StageProcessed || p.Generation != 1 || len(r.models.asked()) != 1 {
		t.Errorf("%+v after %d requests, want generation 1 processed after one", p, len(r.models.asked()))
	}
}

func TestTheOldTextIsSearchedUntilTheNewOneIsComplete(t *testing.T) {
	t.Parallel()
	r := open(t, t.TempDir(), &models{name: "m"})
	r.run()
	id := r.add("the old text")
	r.wait(id, ended)
	gate := make(chan struct{})
	r.models.set(func(m *models) { m.gate = gate })
	text := "the new text"
	if _, err := r.Update(t.Context(), r.project, memo.Ref{ID: id}, memo.Patch{Content: &text}); err != nil {
		t.Fatal(err)
	}
	r.wait(id, func(p memo.Progress) bool { return p.Stage == memo.StageEmbedding })
	m := r.find(id)
	if *m.Content != text || len(m.Chunks) != 1 || m.Chunks[0].Content != "the old text" {
		t.Errorf("content %q with chunks %+v, want the new content and the old chunk", *m.Content, m.Chunks)
	}
	close(gate)
	r.wait(id, ended)
	if m := r.find(id); len(m.Chunks) != 1 || m.Chunks[0].Content != text {
		t.Errorf("chunks %+v, want the new text's", m.Chunks)
	}
}

func TestADeleteStopsTheWork(t *testing.T) {
	t.Parallel()
	gate := make(chan struct{})
	r := open(t, t.TempDir(), &models{name: "m", gate: gate})
	end := r.run()
	id := r.add(words(5))
	r.wait(id, func(p memo.Progress) bool { return p.Stage == memo.StageEmbedding })
	if err := r.Delete(t.Context(), r.project, memo.Ref{ID: id}); err != nil {
		t.Fatal(err)
	}
	close(gate)
	end()
	if got := r.live(); len(got) != 0 {
		t.Errorf("the index sees %v after the delete", got)
	}
	if err := r.Delete(t.Context(), r.project, memo.Ref{ID: id}); !fault.Is(err, fault.NotFound) {
		t.Errorf("second delete: %v, want NotFound", err)
	}
}

func TestARefusedTextFailsAloneAndCanBeRetried(t *testing.T) {
	t.Parallel()
	r := open(t, t.TempDir(), &models{name: "m"})
	r.run()
	bad, good := r.add("this is poison"), r.add("this is fine")
	if p := r.wait(good, ended); p.Stage != memo.StageProcessed {
		t.Errorf("the good memo ended as %s", p.Stage)
	}
	p := r.wait(bad, ended)
	if p.Stage != memo.StageError || !strings.Contains(p.Error, "no poison please") {
		t.Fatalf("the bad memo ended as %s with %q, want the provider's words", p.Stage, p.Error)
	}
	if _, err := r.Retry(t.Context(), r.project, memo.Ref{ID: good}); !fault.Is(err, fault.Conflict) {
		t.Errorf("retry of a processed memo: %v, want Conflict", err)
	}
	text := "this is harmless"
	if _, err := r.Update(t.Context(), r.project, memo.Ref{ID: bad}, memo.Patch{Content: &text}); err != nil {
		t.Fatal(err)
	}
	if p := r.wait(bad, ended); p.Stage != memo.StageProcessed || p.Error != "" {
		t.Errorf("after the edit: %s with %q", p.Stage, p.Error)
	}
}

func TestAPassingFailureIsWaitedForWithItsReason(t *testing.T) {
	t.Parallel()
	r := open(t, t.TempDir(), &models{name: "m", down: true})
	r.run()
	id := r.add("patience")
	p := r.wait(id, func(p memo.Progress) bool { return p.WaitingFor != "" })
	if !strings.Contains(p.WaitingFor, "503") || p.NotBefore == nil || p.Stage.Status() != "processing" {
		t.Errorf("waiting memo shows %+v, want the provider's words, a time and processing", p)
	}
	r.models.set(func(m *models) { m.down = false })
	if p := r.wait(id, ended); p.Stage != memo.StageProcessed {
		t.Errorf("ended as %s: %s", p.Stage, p.Error)
	}
}

// A budget that is spent is waited for as long as it takes: more attempts than a
// bug of ours would be given.
func TestASpentBudgetIsWaitedFor(t *testing.T) {
	t.Parallel()
	r := open(t, t.TempDir(), &models{name: "m", spent: true})
	id := r.add("patience")
	work, err := r.store.Claim(t.Context(), "another", 1, 1<<20, time.Now())
	if err != nil || len(work) != 1 {
		t.Fatalf("claimed %+v, %v", work, err)
	}
	if err := r.store.Postpone(t.Context(), work[0], time.Now(), "tried before"); err != nil {
		t.Fatal(err)
	}
	r.run()
	p := r.wait(id, func(p memo.Progress) bool { return p.WaitingFor != "" && p.Attempt >= 3 })
	if !strings.Contains(p.WaitingFor, "budget") || p.Stage.Status() != "processing" {
		t.Errorf("waiting memo shows %+v, want the budget, and processing", p)
	}
	r.models.set(func(m *models) { m.spent = false })
	if p := r.wait(id, ended); p.Stage != memo.StageProcessed {
		t.Errorf("ended as %s: %s", p.Stage, p.Error)
	}
}

// Of a memo that fails, the vectors that were bought stay.
func TestWhatWasBoughtOfAFailedMemoIsKept(t *testing.T) {
	t.Parallel()
	r := open(t, t.TempDir(), &models{name: "m"})
	r.run()
	id := r.add(words(200) + " poison " + words(200))
	p := r.wait(id, ended)
	if p.Stage != memo.StageError || p.ChunksTotal < 3 || p.ChunksDone != p.ChunksTotal-1 {
		t.Errorf("progress %+v, want an error, and a vector for every chunk but one", p)
	}
}

func TestAStoppedRunGoesOnAtTheFirstMissingVector(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	gate := make(chan struct{})
	first := open(t, dir, &models{name: "m", gate: gate})
	end := first.run()
	id := first.add(words(900)) // more than one slice of chunks
	first.wait(id, func(p memo.Progress) bool { return p.Stage == memo.StageEmbedding })
	gate <- struct{}{} // one slice gets its vectors
	p := first.wait(id, func(p memo.Progress) bool { return p.ChunksDone > 0 })
	end()
	first.stop()

	second := open(t, dir, &models{name: "m"})
	second.run()
	if p := second.wait(id, ended); p.Stage != memo.StageProcessed || p.Attempt != 1 {
		t.Errorf("ended as %s in attempt %d: %s", p.Stage, p.Attempt, p.Error)
	}
	if got, want := len(second.models.asked()), p.ChunksTotal-p.ChunksDone; got != want {
		t.Errorf("the second run embedded %d texts, want the %d that were missing", got, want)
	}
}

func TestAnotherModelFillsItsVectors(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := open(t, dir, &models{})
	end := first.run()
	id := first.add("found by words alone")
	first.wait(id, ended)
	end()
	first.stop()

	second := open(t, dir, &models{name: "m"})
	if n, err := second.store.CountMissingVectors(t.Context(), memo.IndexVersion{Model: "m", Cut: 1}); n != 1 || err != nil {
		t.Fatalf("CountMissingVectors = %d, %v, want 1", n, err)
	}
	second.run()
	for {
		n, err := second.store.CountMissingVectors(t.Context(), memo.IndexVersion{Model: "m", Cut: 1})
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			break
		}
	}
	if c := second.live()[id]; len(c.Chunks) != 1 || c.Chunks[0].Vector == nil {
		t.Errorf("the index sees %+v, want a vector", c)
	}
}
