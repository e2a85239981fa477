package dispatch_test

import (
	"context"
	"maps"
	"testing"
	"testing/synctest"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"kvasir/internal/dispatch"
	"kvasir/internal/fault"
	"kvasir/internal/ledger"
	"kvasir/internal/llm"
)

func rerankBy(r llm.Reranker) []dispatch.RerankLane {
	return []dispatch.RerankLane{{Lane: dispatch.Lane{Provider: "test", Model: "r"}, Reranker: r}}
}

// scorer gives as many scores as it is told.
type scorer int

func (scorer) Model() string { return "scorer" }

func (n scorer) Rerank(context.Context, llm.RerankRequest) (llm.RerankResponse, error) {
	return llm.RerankResponse{Scores: make([]float64, n)}, nil
}

func TestRerank(t *testing.T) {
	t.Parallel()
	req := llm.RerankRequest{Query: "q", Documents: []string{"a", "b"}}
	s := dispatch.New(dispatch.Config{})
	if _, err := s.Rerank(t.Context(), llm.Call{}, req); s.Reranks() || !fault.Is(err, fault.Unavailable) {
		t.Errorf("without a reranker: %v", err)
	}
	s = dispatch.New(dispatch.Config{Rerank: rerankBy(scorer(2))})
	if got, err := s.Rerank(t.Context(), llm.Call{}, req); err != nil || len(got.Scores) != 2 {
		t.Errorf("scores %v, %v", got, err)
	}
	synctest.Test(t, func(t *testing.T) {
		s := dispatch.New(dispatch.Config{Rerank: rerankBy(scorer(1))})
		if _, err := s.Rerank(t.Context(), llm.Call{}, req); !fault.Is(err, fault.Unavailable) {
			t.Errorf("one score for two documents: %v", err)
		}
	})
}

// A reader scores a document by its length. It refuses more documents than it
// takes, and counts what it was asked.
type reader struct {
	takes int
	asked *[]int // the documents of each request
	fails int    // the request that fails; 0 for none
}

func (reader) Model() string { return "reader" }

func (r reader) Rerank(_ context.Context, req llm.RerankRequest) (llm.RerankResponse, error) {
	*r.asked = append(*r.asked, len(req.Documents))
	if n := len(req.Documents); n > r.takes || len(*r.asked) == r.fails {
		return llm.RerankResponse{}, &llm.Error{Class: llm.ClassSick, Provider: "test"}
	}
	answer := llm.RerankResponse{Usage: llm.Usage{InputTokens: len(req.Documents), Searches: 1}}
	for _, d := range req.Documents {
		answer.Scores = append(answer.Scores, float64(len(d)))
	}
	return answer, nil
}

func TestDocumentsBeyondABoundAreOneRanking(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var first, second []int
		lanes := []dispatch.RerankLane{{
			Lane:     dispatch.Lane{Provider: "small", Model: "s"},
			Reranker: reader{takes: 2, asked: &first, fails: 2}, MaxDocuments: 2,
		}, {
			Lane:     dispatch.Lane{Provider: "test", Model: "r", Tier: 1, Price: ledger.Price{Input: 1, Search: 2}},
			Reranker: reader{takes: 3, asked: &second}, MaxDocuments: 3,
		}}
		books := &archive{}
		s, stop := start(t, dispatch.Config{Rerank: lanes, Ledger: books})
		call := llm.Call{Tenant: "o/p", Priority: llm.PriorityRerank}
		got, err := s.Rerank(t.Context(), call, llm.RerankRequest{
			Query: "q", Documents: []string{"a", "bb", "ccc", "dddd", "eeeee", "ffffff", "ggggggg"},
		})
		if err != nil {
			t.Fatal(err)
		}
		// The first lane's scores went with it: those of two models are not comparable.
		if diff := gocmp.Diff([]float64{1, 2, 3, 4, 5, 6, 7}, got.Scores); diff != "" {
			t.Errorf("scores (-want +got):\n%s", diff)
		}
		if diff := gocmp.Diff([][]int{{2, 2}, {3, 3, 1}}, [][]int{first, second}); diff != "" {
			t.Errorf("documents asked for (-want +got):\n%s", diff)
		}
		time.Sleep(2 * time.Second)
		stop()
		want := map[ledger.Account]ledger.Sum{
			{Day: ledger.DayOf(time.Now()), Project: "o/p", Kind: llm.KindRerank, Provider: "test", Model: "r"}: {
				Requests: 1, InputTokens: 7, Cost: 7_000 + 6_000_000,
			},
		}
		if diff := gocmp.Diff(want, maps.Clone(books.sums)); diff != "" {
			t.Errorf("booked (-want +got):\n%s", diff)
		}
	})
}

func TestNothingIsRankedForNothing(t *testing.T) {
	t.Parallel()
	var asked []int
	s := dispatch.New(dispatch.Config{Rerank: rerankBy(reader{asked: &asked})})
	got, err := s.Rerank(t.Context(), llm.Call{}, llm.RerankRequest{Query: "q"})
	if err != nil || len(got.Scores)+len(asked) != 0 {
		t.Errorf("no documents: %v, %v after %v requests", got, err, asked)
	}
}
