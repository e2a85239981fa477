package client_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"kvasir/client"
	"kvasir/client/clienttest"
)

// addSwans adds two memos that repeat each other.
func addSwans(t *testing.T, c *client.Client) {
	t.Helper()
	for _, title := range []string{"Swans", "Swans again"} {
		memo := client.NewMemo{
			Title: title, Content: "Swans eat reed. A swan " + clienttest.DoubtfulText + " sing.",
			MemoOptions: client.MemoOptions{Source: "farm"},
		}
		if _, err := c.CreateMemo(t.Context(), memo); err != nil {
			t.Fatal(err)
		}
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	_, c := start(t)
	addSwans(t, c)
	found, err := c.Find(t.Context(), client.SearchRequest{
		Query: "swans", Explain: true, Retrieval: &client.Retrieval{Fusion: "rrf", InferFilters: true},
	})
	if err != nil || len(found.Results) != 2 {
		t.Fatalf("Find() = %+v, %v", found, err)
	}
	want := []client.Filter{{Field: "source", Operator: client.OpEqual, Value: "farm", Type: client.FilterNative}}
	if diff := cmp.Diff(want, found.InferredFilters); diff != "" {
		t.Errorf("filters (-want +got):\n%s", diff)
	}
	if found.Explanation == nil || len(found.Explanation.Stages) != 2 {
		t.Fatalf("explanation %+v", found.Explanation)
	}
	first, second := found.Results[0].MemoID, found.Results[1].MemoID
	dedup := client.Stage{
		Name: "dedup", TookMS: 12, Notes: []string{"passages that repeat each other"}, Total: 1,
		Candidates: []client.Candidate{{ChunkID: first, MemoID: first, MemoTitle: found.Results[0].MemoTitle, Score: 1}},
		Dropped:    []client.Dropped{{ChunkID: second, MemoID: second, Reason: "nearly repeats " + first}},
	}
	if diff := cmp.Diff(dedup, found.Explanation.Stages[1]); diff != "" {
		t.Errorf("stage (-want +got):\n%s", diff)
	}
	_, err = c.Find(t.Context(), client.SearchRequest{Query: "swans", Retrieval: &client.Retrieval{Fusion: "sum"}})
	if err == nil || err.Error() != "Invalid retrieval.fusion: sum. Must be one of: weighted, rrf. (HTTP 400)" {
		t.Errorf("for an unknown fusion: %v", err)
	}
}

// everything asks for all that can be told.
func everything() client.ChatRequest {
	return client.ChatRequest{Query: "What do swans eat?", Explain: true, RAG: &client.RAGConfig{
		References: &client.Toggle{Enabled: true}, Agentic: &client.Agentic{Enabled: true, MaxSteps: 3},
		Retrieval: &client.Retrieval{InferFilters: true},
	}}
}

func TestAnAnswerTellsEverything(t *testing.T) {
	t.Parallel()
	_, c := start(t)
	addSwans(t, c)
	whole, err := c.Chat(t.Context(), everything())
	if err != nil {
		t.Fatal(err)
	}
	if got := whole.Citations[0]; got.Quote == "" || got.Page != 7 || got.Support != 0.75 {
		t.Errorf("citation %+v", got)
	}
	steps := []client.Step{{Number: 1, Tool: "search", Input: "What do swans eat?", Result: "1 passage"}}
	if diff := cmp.Diff(steps, whole.Steps); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
	flags := []client.Flag{{
		Start: 16, End: 38, Text: "A swan is said to sing.", Reason: client.FlagUnsupported, Numbers: []int{1},
	}}
	flags[0].End = 16 + len(flags[0].Text)
	if diff := cmp.Diff(flags, whole.Flags); diff != "" {
		t.Errorf("flags (-want +got):\n%s", diff)
	}
	if len(whole.InferredFilters) != 1 || whole.Explanation == nil || len(whole.Explanation.Stages) != 2 {
		t.Errorf("told %+v, %+v", whole.InferredFilters, whole.Explanation)
	}

	var streamed client.Answer
	for event, err := range c.StreamChat(t.Context(), everything()) {
		if err != nil {
			t.Fatal(err)
		}
		streamed.Add(event)
	}
	if diff := cmp.Diff(whole, streamed, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("the stream adds up to something else (-whole +streamed):\n%s", diff)
	}
}

func TestStagesOfSeveralEventsAddUp(t *testing.T) {
	t.Parallel()
	var a client.Answer
	a.Add(client.Event{Type: client.EventExplanation, Explanation: &client.Explanation{Question: "q"}})
	for _, name := range []string{"lexical", "fuse"} {
		a.Add(client.Event{
			Type: client.EventExplanation, Explanation: &client.Explanation{Stages: []client.Stage{{Name: name}}},
		})
	}
	want := &client.Explanation{Question: "q", Stages: []client.Stage{{Name: "lexical"}, {Name: "fuse"}}}
	if diff := cmp.Diff(want, a.Explanation); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestRequestsAreSpelledAsTheWireHasThem(t *testing.T) {
	t.Parallel()
	for want, request := range map[string]any{
		`{"query":"q"}`: client.SearchRequest{Query: "q"},
		`{"query":"q","retrieval":{"fusion":"rrf","diversity":0.5,"recency":{"half_life_days":30,"weight":0.2},` +
			`"tag_boosts":{"a":2},"keep_duplicates":true,"multi_query":true,"hyde":true,"infer_filters":true,` +
			`"rerank":false,"candidates":9,"max_distance":0},"explain":true}`: client.SearchRequest{
			Query: "q", Explain: true, Retrieval: &client.Retrieval{
				Fusion: "rrf", Diversity: 0.5, Recency: &client.Recency{HalfLifeDays: 30, Weight: 0.2},
				TagBoosts: map[string]float64{"a": 2}, KeepDuplicates: true, MultiQuery: true, HyDE: true, InferFilters: true,
				Rerank: new(false), Candidates: 9, MaxDistance: new(0.0),
			},
		},
		`{"query":"q","rag_config":{"retrieval":{"hyde":true},"agentic":{"enabled":true,"max_steps":3}},` +
			`"response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{"type":"object"}}},` +
			`"explain":true}`: client.ChatRequest{
			Query: "q", Explain: true, Schema: &client.Schema{Name: "n", JSON: []byte(`{"type":"object"}`)},
			RAG: &client.RAGConfig{
				Retrieval: &client.Retrieval{HyDE: true}, Agentic: &client.Agentic{Enabled: true, MaxSteps: 3},
			},
		},
	} {
		got, err := json.Marshal(request)
		if err != nil || string(got) != want {
			t.Errorf("%v, %v; -want +got:\n%s", request, err, cmp.Diff(want, string(got)))
		}
	}
}
