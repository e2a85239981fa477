package search_test

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"kvasir/internal/account"
	"kvasir/internal/fault"
	"kvasir/internal/index/flat"
	"kvasir/internal/llm"
	"kvasir/internal/memo"
	"kvasir/internal/retrieval"
	"kvasir/internal/search"
	"kvasir/internal/store"
	"kvasir/internal/store/sqlite"
)

// models embeds by theme: a text about birds points one way, one about ships
// another, whatever its words. Its reranker likes what it is told to like.
type models struct {
	name  string // of the embedding model; empty for none
	down  bool
	likes string // empty for no reranker
	docs  []string
	plan  *search.Plan // nil for no planner

	mu    sync.Mutex // guards texts: answers are embedded beside questions
	texts []string
}

// planner returns the models as a planner, if they have a plan.
func (m *models) planner() search.Planner {
	if m.plan == nil {
		return nil
	}
	return m
}

func (m *models) Plan(context.Context, retrieval.Request) (search.Plan, error) {
	if m.likes == "no plans" {
		return search.Plan{}, errors.New("planner is down")
	}
	return *m.plan, nil
}

func (m *models) EmbedSpec() (llm.EmbedSpec, bool) { return llm.EmbedSpec{Model: m.name}, m.name != "" }

func (m *models) Embed(_ context.Context, _ llm.Call, _ llm.Input, texts []string) ([]llm.Vector, error) {
	m.mu.Lock()
	m.texts = append(m.texts, texts...)
	m.mu.Unlock()
	if m.down {
		return nil, fault.New(fault.Unavailable, "test: sick upstream")
	}
	vectors := make([]llm.Vector, len(texts))
	for i, text := range texts {
		vectors[i] = vector(text)
	}
	return vectors, nil
}

func (m *models) Coverage(string) (llm.Coverage, bool) { return llm.Coverage{TokensPerWord: 1}, true }

func (m *models) Reranks() bool { return m.likes != "" }

func (m *models) Rerank(_ context.Context, _ llm.Call, req llm.RerankRequest) (llm.RerankResponse, error) {
	m.docs = req.Documents
	if m.likes == "nothing" {
		return llm.RerankResponse{}, errors.New("reranker is down")
	}
	out := make([]float64, len(req.Documents))
	for i, d := range req.Documents {
		out[i] = 0.1
		if strings.Contains(d, m.likes) {
			out[i] = 0.9
		}
	}
	return llm.RerankResponse{Scores: out}, nil
}

func vector(text string) llm.Vector {
	v := llm.Vector{0.1, 0.1, 0.1}
	for i, theme := range []string{"duck heron bird", "ship sail boat"} {
		for word := range strings.FieldsSeq(theme) {
			if strings.Contains(strings.ToLower(text), word) {
				v[i]++
			}
		}
	}
	return v
}

// A room is the service over a real store and index, with one project.
type room struct {
	*search.Service
	t       *testing.T
	store   *store.Store
	project account.ProjectID
	models  *models
	made    time.Time // of the memos to be added; now if it is zero
}

func open(t *testing.T, m *models) *room {
	t.Helper()
	st, err := sqlite.Open(t.Context(), t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	key, err := st.EnsureProject(t.Context(), account.Key{}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	caller, err := st.FindKey(t.Context(), key.Hash())
	if err != nil {
		t.Fatal(err)
	}
	r := &room{t: t, store: st, project: caller.Project, models: m}
	r.Service = r.service(st)
	return r
}

// service returns a service that reads its passages there.
func (r *room) service(passages search.Passages) *search.Service {
	ix := flat.New(r.store, &flat.Options{Model: r.models.name})
	return search.New(ix, passages, r.models, r.models.planner(), slog.New(slog.DiscardHandler))
}

// add stores a processed memo with one chunk, and a vector if there is a model.
func (r *room) add(title, content string, attributes ...func(*memo.Attributes)) memo.ID {
	r.t.Helper()
	ctx, now := r.t.Context(), time.Now()
	d := memo.Draft{Attributes: memo.Attributes{Title: title}, Content: content}
	for _, set := range attributes {
		set(&d.Attributes)
	}
	unique := uuid.Must(uuid.NewV7())
	if !r.made.IsZero() {
		binary.BigEndian.PutUint64(unique[:8], uint64(r.made.UnixMilli())<<16|uint64(binary.BigEndian.Uint16(unique[6:8])))
	}
	id := memo.ID(unique.String())
	if err := r.store.CreateMemo(ctx, r.project, id, d, now); err != nil {
		r.t.Fatal(err)
	}
	work, err := r.store.Claim(ctx, "w", 1, 1<<20, now)
	if err != nil || len(work) != 1 {
		r.t.Fatalf("claim: %v, %v", work, err)
	}
	c := memo.Chunk{ID: memo.ChunkID(uuid.NewString()), End: len(content)}
	if err := r.store.SaveChunks(ctx, work[0], []memo.Chunk{c}, memo.StageEmbedding, now); err != nil {
		r.t.Fatal(err)
	}
	if r.models.name != "" {
		err := r.store.SaveVectors(ctx, r.models.name, []memo.ChunkVector{{Chunk: c.ID, Vector: vector(title + content)}})
		if err != nil {
			r.t.Fatal(err)
		}
	}
	if _, err := r.store.Finish(ctx, work[0], now); err != nil {
		r.t.Fatal(err)
	}
	return id
}

// titles searches and returns what was found, best first.
func (r *room) titles(q search.Query) []string {
	r.t.Helper()
	q.Project = r.project
	if q.Limit == 0 {
		q.Limit = 10
	}
	found, err := r.Search(r.t.Context(), q)
	if err != nil {
		r.t.Fatal(err)
	}
	var titles []string
	last := 0.0
	for _, h := range found.Hits {
		titles = append(titles, h.Title)
		if h.Distance == nil {
			continue
		}
		if *h.Distance < last || *h.Distance > 1 {
			r.t.Errorf("distance %v after %v: not from 0 to 1 and never falling", *h.Distance, last)
		}
		last = *h.Distance
	}
	return titles
}

func ask(text string, set ...func(*retrieval.Options)) search.Query {
	q := search.Query{Request: retrieval.Request{Text: text}}
	for _, f := range set {
		f(&q.Options)
	}
	return q
}

func by(method search.Method, text string) search.Query {
	q := ask(text)
	q.Method = method
	return q
}

func within(text string, distance float64) search.Query {
	return ask(text, func(o *retrieval.Options) { o.MaxDistance = &distance })
}

func (r *room) wants(q search.Query, want ...string) {
	r.t.Helper()
	if got := r.titles(q); fmt.Sprint(got) != fmt.Sprint(want) {
		r.t.Errorf("Search(%q) = %v, want %v", q.Text, got, want)
	}
}

func TestWordsAndMeaningsAreFused(t *testing.T) {
	t.Parallel()
	r := open(t, &models{name: "m"})
	r.add("A", "The heron waits by the water.")
	r.add("B", "Every sail is set on the ship.")
	r.add("C", "Ducks: the bird of the year.")
	r.wants(ask("heron"), "A", "C") // C has no word of it
	r.wants(ask("boat"), "B")       // nobody has the word
}

func TestWithoutAModelTheWordsAnswer(t *testing.T) {
	t.Parallel()
	r := open(t, &models{})
	r.add("A", "The heron waits by the water.")
	r.add("B", "Every sail is set on the ship.")
	r.wants(ask("water heron"), "A")
	r.wants(ask("nothing here"))
	r.wants(by(search.MethodVector, "heron"), "A")
}

func TestAProviderThatIsDownCostsItsPartOnly(t *testing.T) {
	t.Parallel()
	r := open(t, &models{name: "m", likes: "nothing"})
	r.add("A", "The heron waits by the water.")
	r.models.down = true
	r.wants(ask("heron"), "A")
	q := by(search.MethodVector, "heron")
	q.Project, q.Limit = r.project, 5
	_, err := r.Search(t.Context(), q)
	if !fault.Is(err, fault.Unavailable) {
		t.Errorf("a search by vectors alone: %v, want Unavailable", err)
	}
}

func TestFiltersAndExpiryApplyBeforeTheCut(t *testing.T) {
	t.Parallel()
	r := open(t, &models{name: "m"})
	for i := range 20 {
		r.add(fmt.Sprint("Noise ", i), "heron heron heron heron")
	}
	wiki := "wiki"
	r.add("Wanted", "One heron among others.", func(a *memo.Attributes) { a.Source = &wiki })
	past := time.Now().Add(time.Minute)
	r.add("Expiring", "A heron.", func(a *memo.Attributes) { a.Source, a.Expires = &wiki, &past })
	filters, err := memo.ParseFilters(json.RawMessage(
		`[{"field": "source", "operator": "eq", "value": "wiki", "filter_type": "native_field"}]`))
	if err != nil {
		t.Fatal(err)
	}
	q := ask("heron")
	q.Filters, q.Limit = filters, 1
	if got := r.titles(q); len(got) != 1 || got[0] == "Noise 0" {
		t.Errorf("filtered search found %v", got)
	}
	q.Limit = 0
	if got := r.titles(q); len(got) != 2 {
		t.Errorf("before the expiry: %v, want both", got)
	}
}

func TestTheRerankerSeesAllCandidatesAtOnce(t *testing.T) {
	t.Parallel()
	r := open(t, &models{name: "m", likes: "seventeen"})
	for i := range 30 {
		text := "A heron."
		if i == 17 {
			text = "A heron, number seventeen, which is a longer text than the others of its kind."
		}
		r.add(fmt.Sprint("Memo ", i), text)
	}
	q := ask("heron")
	q.Limit = 3
	if got := r.titles(q); got[0] != "Memo 17" || len(got) != 3 {
		t.Errorf("reranked: %v", got)
	}
	if len(r.models.docs) != 30 || !strings.HasPrefix(r.models.docs[0], "Memo ") {
		t.Errorf("the reranker saw %d documents, want 30 with their titles", len(r.models.docs))
	}
	q.SkipRerank = true
	if got := r.titles(q); got[0] == "Memo 17" {
		t.Errorf("not reranked: %v", got)
	}
}

func TestThresholdsCutWhatTheClientWantsCut(t *testing.T) {
	t.Parallel()
	r := open(t, &models{name: "m"})
	r.add("A", "The heron is a bird.")
	r.add("B", "Every sail, and the word heron once.")
	r.wants(ask("heron bird"), "A", "B")
	r.wants(within("heron bird", 0.05), "A")
	r.wants(within("heron", 0.0))
}

func TestLegacyMethods(t *testing.T) {
	t.Parallel()
	r := open(t, &models{name: "m"})
	r.add("Heron facts", "The bird by the water.")
	r.add("On herons", "A bird again.")
	r.add("Ships", "Sails.")
	r.wants(by(search.MethodTitleContains, "HERON"), "On herons", "Heron facts")
	r.wants(by(search.MethodTitleStartsWith, "heron"), "Heron facts")
	first := by(search.MethodVector, "a duck is a bird")
	first.Limit = 1
	r.wants(first, "Heron facts")
	q := by(search.MethodTitleContains, "heron")
	q.Project, q.Limit = r.project, 10
	found, err := r.Search(t.Context(), q)
	if err != nil || found.Hits[0].Distance != nil {
		t.Errorf("a title search has the distance %v, %v; want none", found.Hits[0].Distance, err)
	}
}

func TestAnEmptyQueryIsRefused(t *testing.T) {
	t.Parallel()
	r := open(t, &models{})
	_, err := r.Search(t.Context(), search.Query{Request: retrieval.Request{Project: r.project, Text: " "}})
	if fault.Message(err) != "Query is required" {
		t.Errorf("empty query: %v", err)
	}
}

func TestAnotherProjectFindsNothing(t *testing.T) {
	t.Parallel()
	r := open(t, &models{name: "m"})
	r.add("A", "The heron waits.")
	q := ask("heron")
	q.Project, q.Limit = "another", 5
	found, err := r.Search(t.Context(), q)
	if err != nil || len(found.Hits) != 0 {
		t.Errorf("another project found %v, %v", found.Hits, err)
	}
}
