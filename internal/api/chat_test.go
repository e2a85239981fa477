package api

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"kvasir/internal/chat"
	"kvasir/internal/conversation"
	"kvasir/internal/fault"
	"kvasir/internal/retrieval"
)

// post sends a body with the test's key and returns status and answer.
func post(t testing.TB, url, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+testKey)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(raw)
}

// answering serves the edge with scripted events as every answer.
func answering(t testing.TB, events ...chat.Event) string {
	return serve(t, (&backend{answers: events}).config(t))
}

func done() chat.Event { return chat.Event{Done: &chat.Outcome{Chat: "c1"}} }

func TestStreamIsExact(t *testing.T) {
	t.Parallel()
	base := answering(t,
		chat.Event{Token: "Grün "}, chat.Event{Token: "[[1]]"},
		chat.Event{Citations: []conversation.Citation{
			{Number: 1, Memo: "m", MemoTitle: "T", Chunk: "k", Start: 2, End: 9},
		}},
		chat.Event{References: []conversation.Reference{{Number: 1, Memo: "m", MemoTitle: "T"}}},
		done())
	status, got := post(t, base+"/api/v1/chat", `{"query":"q","stream":true}`)
	want := `: ping

data: {"type":"token","content":"Gr\u00fcn "}

data: {"type":"token","content":"[[1]]"}

data: {"type":"citations","content":"[{\"number\":1,\"memo_uuid\":\"m\",\"memo_title\":\"T\",` +
		`\"chunk_uuid\":\"k\",\"start\":2,\"end\":9}]","citations":[{"number":1,"memo_uuid":"m","memo_title":"T",` +
		`"chunk_uuid":"k","start":2,"end":9}]}

data: {"type":"references","content":"{\"1\":{\"memo_uuid\":\"m\",\"memo_title\":\"T\"}}",` +
		`"references":{"1":{"memo_uuid":"m","memo_title":"T"}}}

data: {"type":"done","chat_id":"c1"}

`
	if status != 200 || got != want {
		t.Errorf("%d, -want +got:\n%s", status, cmp.Diff(want, got))
	}
}

func TestAFailedStreamSaysSoAndIsDone(t *testing.T) {
	t.Parallel()
	base := answering(t, chat.Event{Token: "Half"},
		chat.Event{Err: fault.New(fault.Unavailable, "the model is down")}, done())
	status, got := post(t, base+"/api/v1/chat", `{"query":"q","stream":true}`)
	want := `data: {"type":"error","content":"An error occurred","error":"the model is down"}

data: {"type":"done","chat_id":"c1"}

`
	if status != 200 || !strings.HasSuffix(got, want) {
		t.Errorf("%d, %q does not end with %q", status, got, want)
	}
}

func TestWholeAnswerFailures(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		events []chat.Event
		status int
		words  string
	}{
		{"the model is down", []chat.Event{{Token: "a"}, {Err: fault.New(fault.Unavailable, "x")}, done()}, 503,
			agentUnavailable},
		{"nobody knows why", []chat.Event{{Err: errors.New("secret")}, done()}, 503, agentUnavailable},
		{"too many questions", []chat.Event{{Err: fault.New(fault.RateLimited, "Later")}, done()}, 429, "Later"},
		{"the question is too long", []chat.Event{{Err: fault.New(fault.TooLarge, "Too long")}, done()}, 413, "Too long"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			status, body := post(t, answering(t, c.events...)+"/api/v1/chat", `{"query":"q"}`)
			if want := fmt.Sprintf("{\"error\":%q}\n", c.words); status != c.status || body != want {
				t.Errorf("%d %s, want %d %s", status, body, c.status, want)
			}
		})
	}
}

func TestAWholeAnswerHasADeadline(t *testing.T) {
	t.Parallel()
	cfg := (&backend{}).config(t)
	cfg.Options.AnswerTimeout = 20 * time.Millisecond
	cfg.Ask = func(context.Context, chat.Question) (Answer, error) {
		return func(ctx context.Context) iter.Seq[chat.Event] {
			return func(yield func(chat.Event) bool) {
				<-ctx.Done()
				_ = yield(chat.Event{Err: ctx.Err()}) && yield(done())
			}
		}, nil
	}
	status, body := post(t, serve(t, cfg)+"/api/v1/chat", `{"query":"q"}`)
	if status != 503 || !strings.Contains(body, "No answer within 20ms; ask with stream: true") {
		t.Errorf("%d %s", status, body)
	}
}

func TestHangingUpCancelsTheAnswer(t *testing.T) {
	t.Parallel()
	cancelled := make(chan error, 1)
	cfg := (&backend{}).config(t)
	cfg.Ask = func(context.Context, chat.Question) (Answer, error) {
		return func(ctx context.Context) iter.Seq[chat.Event] {
			return func(yield func(chat.Event) bool) {
				yield(chat.Event{Token: "first"})
				<-ctx.Done()
				cancelled <- ctx.Err()
			}
		}, nil
	}
	ctx, hangUp := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, serve(t, cfg)+"/api/v1/chat",
		strings.NewReader(`{"query":"q","stream":true}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+testKey)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() && !strings.Contains(lines.Text(), "first") {
	}
	hangUp()
	if err := <-cancelled; !errors.Is(err, context.Canceled) {
		t.Errorf("the answer ended with %v", err)
	}
}

func TestQuestion(t *testing.T) {
	t.Parallel()
	const id = "00000000-0000-7000-8000-00000000000A"
	defaults := chat.Options{Context: 25, Retrieval: retrieval.Options{Candidates: 50}}
	with := func(change func(*chat.Options)) chat.Options {
		o := defaults
		change(&o)
		return o
	}
	for _, c := range []struct {
		name, rag string
		want      chat.Options
	}{
		{"nothing", `null`, defaults},
		{"no object", `"x"`, defaults},
		{"nulls", `{"llm_provider":null,"reranking":null,"vector_search":{"top_k":null}}`, defaults},
		{"no objects inside", `{"reranking":1,"vector_search":[],"references":"x"}`, defaults},
		{"the default provider", `{"llm_provider":"","llmProvider":""}`, defaults},
		{"snake_case", `{"llm_provider":"local","query_rewrite":{"enabled":true},"reranking":{"enabled":false,"top_k":3},
			"vector_search":{"top_k":4.9,"similarity_threshold":0},"references":{"enabled":true}}`,
			chat.Options{Provider: "local", QueryRewrite: true, References: true, Context: 3,
				Retrieval: retrieval.Options{Candidates: 4, SkipRerank: true, MaxDistance: new(0.0)}}},
		{"camelCase", `{"llmProvider":"local","queryRewrite":{"enabled":true},"reranking":{"topK":3},
			"vectorSearch":{"topK":4,"similarityThreshold":0.5}}`,
			chat.Options{Provider: "local", QueryRewrite: true, Context: 3,
				Retrieval: retrieval.Options{Candidates: 4, MaxDistance: new(0.5)}}},
		{"snake_case wins", `{"vector_search":{"top_k":30},"vectorSearch":{"topK":40}}`,
			with(func(o *chat.Options) { o.Retrieval.Candidates = 30 })},
		{"null does not win", `{"vector_search":null,"vectorSearch":{"topK":40}}`,
			with(func(o *chat.Options) { o.Retrieval.Candidates = 40 })},
		{"fewer candidates mean fewer passages", `{"vector_search":{"top_k":10}}`,
			with(func(o *chat.Options) { o.Retrieval.Candidates, o.Context = 10, 10 })},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var body chatBody
			text := `{"query":"q","chat_id":"` + id + `","system_prompt":"s","rag_config":` + c.rag + `}`
			if err := unmarshal([]byte(text), &body); err != nil {
				t.Fatal(err)
			}
			got, err := body.validate((&backend{}).Providers())
			if err != nil {
				t.Fatal(err)
			}
			want := chat.Question{
				Text: "q", Chat: conversation.ChatID(strings.ToLower(id)), SystemPrompt: new("s"), Options: c.want,
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
	var body chatBody
	if err := unmarshal([]byte(`{"query":"q","rag_config":{"llm_provider":"gpt"}}`), &body); err != nil {
		t.Fatal(err)
	}
	_, err := body.validate((&backend{}).Providers())
	if want := "Invalid LLM provider: gpt. Supported providers: extractive, local"; fault.Message(err) != want {
		t.Errorf("error = %v, want %s", err, want)
	}
}

func TestTruthy(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]truthy{
		"true": true, "false": false, "null": false, "0": false, "-0.0": false, "1e999": true, "0.1": true,
		`""`: false, `"false"`: true, "[]": true, "{}": true,
	} {
		var got truthy = !want
		if err := json.Unmarshal([]byte(text), &got); err != nil || got != want {
			t.Errorf("%s is %v: %v", text, got, err)
		}
	}
}

func TestDocumentFailures(t *testing.T) {
	t.Parallel()
	base := serve(t, (&backend{}).config(t))
	status, body := post(t, base+"/api/v1/generate", `{"prompt":"fail"}`)
	if status != 503 || body != "{\"error\":\"Agent error: the model is down\"}\n" {
		t.Errorf("%d %s", status, body)
	}
	status, body = post(t, base+"/api/v1/generate", `{"prompt":"fail","stream":1}`)
	want := ": ping\n\ndata: {\"type\":\"error\",\"content\":\"An error occurred\",\"error\":\"the model is down\"}\n\n" +
		"data: {\"type\":\"done\"}\n\n"
	if status != 200 || body != want {
		t.Errorf("%d %q, want %q", status, body, want)
	}
}

func BenchmarkStream(b *testing.B) {
	events := make([]chat.Event, 0, 201)
	for range 200 {
		events = append(events, chat.Event{Token: "ein Wort "})
	}
	base := answering(b, append(events, done())...)
	b.ReportAllocs()
	for b.Loop() {
		if status, _ := post(b, base+"/api/v1/chat", `{"query":"q","stream":true}`); status != 200 {
			b.Fatal(status)
		}
	}
}
