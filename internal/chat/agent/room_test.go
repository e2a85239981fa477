package agent_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"kvasir/internal/account"
	"kvasir/internal/chat"
	"kvasir/internal/chat/agent"
	"kvasir/internal/conversation"
	"kvasir/internal/dispatch"
	"kvasir/internal/index/flat"
	"kvasir/internal/memo"
	"kvasir/internal/provider/extract"
	"kvasir/internal/provider/openai"
	"kvasir/internal/provider/providertest"
	"kvasir/internal/retrieval"
	"kvasir/internal/search"
	"kvasir/internal/search/plan"
	"kvasir/internal/store"
	"kvasir/internal/store/sqlite"
)

// A room is chat with an agent, between a scripted provider and a real store.
type room struct {
	*testing.T
	chat    *chat.Service
	models  *providertest.Server
	store   *store.Store
	project account.ProjectID
}

// settings are what a test may want otherwise; the zero value is as in the product.
type settings struct {
	within time.Duration
	tokens int
}

func open(t *testing.T, set settings) *room {
	t.Helper()
	st, err := sqlite.Open(t.Context(), t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	srv := providertest.Start(providertest.Options{})
	client := &http.Client{Transport: &http.Transport{}}
	t.Cleanup(func() {
		client.CloseIdleConnections()
		srv.Close()
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
	generator := openai.New(openai.Config{BaseURL: srv.BaseURL(), HTTPClient: client}).
		Generator(openai.GenerateConfig{Model: "large", FastModel: "small"})
	models := dispatch.New(dispatch.Config{Generate: []dispatch.GenerateLane{
		{Lane: dispatch.Lane{Provider: "openai", Model: "large"}, Pool: "openai", Generator: generator},
		{Lane: dispatch.Lane{Provider: "extractive", Local: true}, Pool: "extractive", Generator: extract.New()},
	}})
	log := slog.New(slog.DiscardHandler)
	planner := plan.New(models, st, log, plan.Options{Generator: "openai"})
	finder := search.New(flat.New(st, &flat.Options{}), st, models, planner, log)
	find := func(ctx context.Context, r retrieval.Request) (retrieval.Found, error) {
		return finder.Search(ctx, search.Query{Request: r})
	}
	knowledge := chat.Knowledge{
		Find: find, Around: st.Neighbours, Parts: st.Parts, Agent: agent.New(find, st, models, set.within, log),
	}
	providers := []chat.Provider{
		{Name: "openai", Label: "OpenAI"}, {Name: "extractive", Label: "Extractive", Quotes: true},
	}
	answers := chat.New(knowledge, st, models, providers, chat.Settings{ContextTokens: set.tokens}, log)
	return &room{T: t, chat: answers, models: srv, store: st, project: caller.Project}
}

// add stores a memo that can be found, of a chunk for each text.
func (r *room) add(title string, set func(*memo.Attributes), texts ...string) memo.ID {
	r.Helper()
	ctx, now := r.Context(), time.Now()
	d := memo.Draft{Attributes: memo.Attributes{Title: title}, Content: strings.Join(texts, "")}
	if set != nil {
		set(&d.Attributes)
	}
	id := memo.ID(uuid.Must(uuid.NewV7()).String())
	if err := r.store.CreateMemo(ctx, r.project, id, d, now); err != nil {
		r.Fatal(err)
	}
	work, err := r.store.Claim(ctx, "w", 1, 1<<20, now)
	if err != nil || len(work) != 1 {
		r.Fatalf("claim: %v, %v", work, err)
	}
	chunks := make([]memo.Chunk, len(texts))
	at := 0
	for i, text := range texts {
		chunks[i] = memo.Chunk{ID: memo.ChunkID(uuid.NewString()), Index: i, Start: at, End: at + len(text)}
		at += len(text)
	}
	if err := r.store.SaveChunks(ctx, work[0], chunks, memo.StageEmbedding, now); err != nil {
		r.Fatal(err)
	}
	if _, err := r.store.Finish(ctx, work[0], now); err != nil {
		r.Fatal(err)
	}
	return id
}

// script has the models say these, one after the other.
func (r *room) script(said ...string) {
	for _, text := range said {
		r.models.Next(providertest.Chat, providertest.Action{Text: text})
	}
}

// seen is what an answer told.
type seen struct {
	steps      []string // "1 search ducks -> found 1: Ducks"
	text       string
	citations  []conversation.Citation
	references []string // titles
	explained  *chat.Explained
	err        error
}

// agentic asks with an agent, and what set changes.
func (r *room) agentic(question string, set func(*chat.Question)) seen {
	r.Helper()
	q := chat.Question{
		Project: r.project, Text: question,
		Options: chat.Options{Agentic: true, References: true, Context: 10},
	}
	if set != nil {
		set(&q)
	}
	answer, err := r.chat.Ask(r.Context(), q)
	if err != nil {
		r.Fatal(err)
	}
	var out seen
	for ev := range answer.Stream(r.Context()) {
		switch {
		case ev.Step != nil:
			if s := ev.Step; out.text == "" {
				out.steps = append(out.steps, fmt.Sprintf("%d %s %s -> %s", s.Number, s.Tool, s.Input, s.Result))
				continue
			}
			r.Error("a step after the answer has begun")
		case ev.Err != nil:
			out.err = ev.Err
		case ev.Explained != nil:
			out.explained = ev.Explained
		}
		out.text += ev.Token
		out.citations = append(out.citations, ev.Citations...)
		for _, ref := range ev.References {
			out.references = append(out.references, ref.MemoTitle)
		}
	}
	return out
}

// said returns what model number n, from 0, was told last.
func (r *room) said(n int) string {
	r.Helper()
	requests := r.models.Requests(providertest.Chat)
	if n >= len(requests) {
		r.Fatalf("%d requests, none numbered %d", len(requests), n)
	}
	texts := requests[n].Texts
	return texts[len(texts)-1]
}

// models' names, of each request.
func (r *room) asked() string {
	var names []string
	for _, req := range r.models.Requests(providertest.Chat) {
		names = append(names, req.Model)
	}
	return strings.Join(names, " ")
}
