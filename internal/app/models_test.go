package app

import (
	"context"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kvasir/internal/chat"
	"kvasir/internal/config"
	"kvasir/internal/dispatch"
	"kvasir/internal/ledger"
	"kvasir/internal/llm"
	"kvasir/internal/provider/providertest"
	"kvasir/internal/store/sqlite"
)

// scheduler runs the scheduler of an App with these models.
func scheduler(t *testing.T, m config.Models, cfg config.Config) *dispatch.Scheduler {
	t.Helper()
	st, err := sqlite.Open(t.Context(), t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	a := &App{cfg: cfg, models: m, store: st, log: slog.New(slog.DiscardHandler)}
	s, err := a.newDispatch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }() // waited for below
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// call is made for nobody in particular.
var call = llm.Call{Tenant: "project", Priority: llm.PriorityQuery}

// answer returns what a pool answers.
func answer(t *testing.T, s *dispatch.Scheduler, pool string) string {
	t.Helper()
	var text strings.Builder
	ask := llm.GenerateRequest{Messages: []llm.Message{{Role: llm.RoleUser, Text: "What do ducks eat?"}}}
	for event, err := range s.Generate(t.Context(), call, pool, ask) {
		if err != nil {
			t.Fatalf("%s: %v", pool, err)
		}
		text.WriteString(event.Text)
	}
	return text.String()
}

// scripted starts a scripted provider.
func scripted(t *testing.T) *providertest.Server {
	t.Helper()
	srv := providertest.Start(providertest.Options{})
	t.Cleanup(srv.Close)
	return srv
}

func TestALaneStandsInForAnother(t *testing.T) {
	t.Parallel()
	first, second := scripted(t), scripted(t)
	embed := func(srv *providertest.Server, tier int) config.Lane {
		return config.Lane{
			Tier: tier, Provider: "p", Protocol: config.OpenAI, BaseURL: srv.BaseURL(), Key: "k",
			Model: "text-embedding-3-small", Dimensions: 64,
		}
	}
	write := func(srv *providertest.Server, tier int) config.Lane {
		return config.Lane{
			Pool: "best", Tier: tier, Provider: "p", Protocol: config.OpenAI, BaseURL: srv.BaseURL(), Key: "k", Model: "m",
		}
	}
	s := scheduler(t, config.Models{
		Embed:    []config.Lane{embed(first, 0), embed(second, 1)},
		Generate: []config.Lane{write(first, 0), write(second, 1)},
	}, config.Config{})
	first.Always(providertest.Embed, providertest.Fail(401, "no such key"))
	first.Always(providertest.Chat, providertest.Fail(401, "no such key"))

	vectors, err := s.Embed(t.Context(), call, llm.InputQuery, []string{"ducks"})
	if err != nil || len(vectors) != 1 || len(vectors[0]) != 64 {
		t.Errorf("Embed = %v, %v", vectors, err)
	}
	if got := answer(t, s, "best"); !strings.Contains(got, "ducks") {
		t.Errorf("the answer is %q", got)
	}
	for _, kind := range []providertest.Kind{providertest.Embed, providertest.Chat} {
		if n := len(second.Requests(kind)); n != 1 {
			t.Errorf("%d requests of kind %v stood in", n, kind)
		}
	}
}

func TestEveryProtocolReachesItsServer(t *testing.T) {
	t.Parallel()
	srv := scripted(t)
	lane := func(protocol, address string) config.Lane {
		return config.Lane{Pool: protocol, Provider: "p", Protocol: protocol, BaseURL: address, Key: "k", Model: "m"}
	}
	var (
		openAI    = lane(config.OpenAI, srv.BaseURL())
		anthropic = lane(config.Anthropic, srv.URL())
		gemini    = lane(config.Gemini, srv.URL())
		voyage    = lane(config.Voyage, srv.BaseURL())
		service   = lane(config.Service, srv.URL())
	)
	writers := scheduler(t, config.Models{Generate: []config.Lane{openAI, anthropic, gemini}}, config.Config{})
	for _, pool := range []string{config.OpenAI, config.Anthropic, config.Gemini} {
		if got := answer(t, writers, pool); !strings.Contains(got, "ducks") {
			t.Errorf("%s answers %q", pool, got)
		}
	}
	cached := config.Config{Limits: config.Limits{VectorCacheBytes: 1 << 20}}
	for _, l := range []config.Lane{openAI, gemini, voyage, service} {
		s := scheduler(t, config.Models{Embed: []config.Lane{l}}, cached)
		if v, err := s.Embed(t.Context(), call, llm.InputQuery, []string{"ducks"}); err != nil || len(v) != 1 {
			t.Errorf("%s embeds %v, %v", l.Protocol, v, err)
		}
	}
	rerankers := []config.Lane{
		openAI, anthropic, gemini, voyage, service,
		lane(config.Cohere, srv.CohereURL()), lane(config.Jina, srv.BaseURL()), lane(config.TEI, srv.URL()),
	}
	for _, l := range rerankers {
		s := scheduler(t, config.Models{Rerank: []config.Lane{l}}, config.Config{})
		got, err := s.Rerank(t.Context(), call, llm.RerankRequest{
			Query: "ducks", Documents: []string{"ducks eat", "cats sleep"},
		})
		if err != nil || len(got.Scores) != 2 || got.Scores[0] <= got.Scores[1] {
			t.Errorf("%s scores %v, %v", l.Protocol, got.Scores, err)
		}
	}
}

func TestLanesSayHowTheyAreAsked(t *testing.T) {
	t.Parallel()
	srv := scripted(t)
	s := scheduler(t, config.Models{
		Generate: []config.Lane{
			{Pool: "held", Protocol: config.OpenAI, BaseURL: srv.BaseURL(), Model: "m", JSONMode: config.JSONBySchema},
			{Pool: "told", Protocol: config.OpenAI, BaseURL: srv.BaseURL(), Model: "m", JSONMode: config.JSONByPrompt},
		},
		Rerank: []config.Lane{{Protocol: config.TEI, BaseURL: srv.URL(), MaxDocuments: 2}},
	}, config.Config{})
	ask := llm.GenerateRequest{
		Messages: []llm.Message{{Role: llm.RoleUser, Text: "Which?"}},
		Schema: &llm.Schema{JSON: []byte(
			`{"type": "object", "properties": {"a": {"type": "null"}}, "required": ["a"], "additionalProperties": false}`)},
	}
	for _, pool := range []string{"held", "told"} {
		for _, err := range s.Generate(t.Context(), call, pool, ask) {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	if asked := srv.Requests(providertest.Chat); asked[0].Format != "json_schema" || asked[1].Format != "" {
		t.Errorf("asked for %q, then %q", asked[0].Format, asked[1].Format)
	}
	got, err := s.Rerank(t.Context(), call, llm.RerankRequest{Query: "a c", Documents: []string{"a", "b", "a c"}})
	if diff := cmp.Diff([]float64{0.5, 0, 1}, got.Scores); err != nil || diff != "" {
		t.Errorf("Rerank: %v (-want +got):\n%s", err, diff)
	}
	if n := len(srv.Requests(providertest.Rerank)); n != 2 {
		t.Errorf("three documents in %d requests of two", n)
	}
}

func TestVectorsAreNamedAfterTheFirstLane(t *testing.T) {
	t.Parallel()
	lane := config.Lane{Provider: "openai", Protocol: config.OpenAI, Model: "text-embedding-3-small", Dimensions: 1536}
	renamed := lane
	renamed.Provider, renamed.Key, renamed.KeyName = "work", "k", "#2"
	azure := config.Lane{
		Tier: 1, Provider: "azure", Protocol: config.Azure, BaseURL: "https://a.example", Model: "text-embedding-3-small",
		ServedAs: "mine", Dimensions: 1536,
	}
	const want = "openai|https://api.openai.com/v1|text-embedding-3-small|1536"
	for _, lanes := range [][]config.Lane{{lane}, {renamed}, {lane, renamed, azure}} {
		made, err := adapters{}.embedLanes(lanes)
		if err != nil {
			t.Fatal(err)
		}
		for i, l := range made {
			if got := l.Embedder.Spec(); got.Model != want || got.Dimensions != 1536 || got.MaxTokens != 8191 {
				t.Errorf("lane %d of %d, %s: %+v, want vectors of %s", i+1, len(made), l.Name(), got, want)
			}
		}
	}
}

func TestLanesHaveNamesLimitsAndPrices(t *testing.T) {
	t.Parallel()
	limits := config.LaneLimits{RequestsPerMinute: 1, TokensPerMinute: 2, Concurrency: 3}
	price := ledger.Price{Input: 4}
	s := scheduler(t, config.Models{
		Generate: []config.Lane{
			{Pool: "claude", Provider: "anthropic", Protocol: config.Anthropic, Model: "c", Limits: limits, Price: price},
			{Pool: "gemini", Provider: "gemini", Protocol: config.Gemini, KeyName: "#2", Model: "g"},
			{Pool: "extractive", Provider: "extractive", Protocol: config.Extractive},
		},
		Rerank: []config.Lane{
			{Provider: "voyage", Protocol: config.Voyage, Model: "rerank-2"},
			{Tier: 1, Provider: "local", Protocol: config.Service, BaseURL: "http://localhost:8001"},
		},
	}, config.Config{})
	var names []string
	for _, pool := range s.Snapshot() {
		for _, l := range pool.Lanes {
			names = append(names, l.Name())
		}
	}
	want := []string{
		"anthropic/c", "gemini#2/g", "extractive/extractive", "voyage/rerank-2", "local/embedding-service",
	}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("lanes (-want +got):\n%s", diff)
	}
	for _, pool := range s.Snapshot() {
		if pool.Name == "claude" && (pool.Lanes[0].Limits != dispatch.Limits(limits) || pool.Lanes[0].Price != price) {
			t.Errorf("the lane is %+v", pool.Lanes[0].Lane)
		}
	}
}

func TestProvidersAreThePools(t *testing.T) {
	t.Parallel()
	a := &App{models: config.Models{Generate: []config.Lane{
		{Pool: "anthropic", Protocol: config.Anthropic, Model: "c"},
		{Pool: "best", Protocol: config.OpenAI, Model: "m"},
		{Pool: "anthropic", Protocol: config.OpenAI, Model: "m"},
		{Pool: "extractive", Protocol: config.Extractive},
	}}}
	want := []chat.Provider{
		{Name: "anthropic", Label: "Anthropic", Model: "c"},
		{Name: "best", Label: "best", Model: "m"},
		{Name: "extractive", Label: "Extractive", Model: "quotations", Quotes: true},
	}
	if diff := cmp.Diff(want, a.providers()); diff != "" {
		t.Errorf("providers() (-want +got):\n%s", diff)
	}
}

func TestModelsThatBudgetsDoNotSeeAreTold(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	a := &App{log: slog.New(slog.NewTextHandler(&log, nil)), models: config.Models{
		Generate: []config.Lane{{Provider: "vllm", Model: "mystery"}, {Provider: "own", Model: "free", Priced: true}},
	}}
	a.warnOfUnknownPrices(t.Context())
	if log.Len() > 0 {
		t.Errorf("without budgets: %s", &log)
	}
	a.models.Budgets = []ledger.Budget{{Period: ledger.Daily, Hard: ledger.Unit}}
	a.warnOfUnknownPrices(t.Context())
	if got := log.String(); !strings.Contains(got, "mystery") || strings.Contains(got, "free") {
		t.Errorf("the log says: %s", got)
	}
}
