package dispatch_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"kvasir/internal/dispatch"
	"kvasir/internal/fault"
	"kvasir/internal/ledger"
	"kvasir/internal/llm"
)

// archive keeps usage and vectors in memory: what the store does in tables.
type archive struct {
	mu      sync.Mutex
	fails   int // the next so many calls
	sums    map[ledger.Account]ledger.Sum
	vectors map[string]llm.Vector
}

func (a *archive) failing() error {
	if a.fails > 0 {
		a.fails--
		return errors.New("disk full")
	}
	return nil
}

func (a *archive) AddUsage(_ context.Context, entries []ledger.Entry) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.failing(); err != nil {
		return err
	}
	if a.sums == nil {
		a.sums = map[ledger.Account]ledger.Sum{}
	}
	for _, e := range entries {
		sum := a.sums[e.Account]
		sum.Add(e.Sum)
		a.sums[e.Account] = sum
	}
	return nil
}

func (a *archive) UsageByProject(_ context.Context, from ledger.Day) ([]ledger.Entry, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	var entries []ledger.Entry
	for account, sum := range a.sums {
		if account.Day >= from {
			entries = append(entries, ledger.Entry{
				Account: ledger.Account{Day: account.Day, Project: account.Project}, Sum: sum,
			})
		}
	}
	return entries, nil
}

func (a *archive) Organization(_ context.Context, project string) (string, error) {
	organization, _, _ := strings.Cut(project, "/")
	return organization, nil
}

func (a *archive) key(project string, s llm.VectorSpace, h llm.TextHash) string {
	organization, _, _ := strings.Cut(project, "/")
	return fmt.Sprintf("%s %v %x", organization, s, h)
}

func (a *archive) CachedVectors(
	_ context.Context, project string, s llm.VectorSpace, texts []llm.TextHash,
) ([]llm.Vector, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.failing(); err != nil {
		return nil, err
	}
	out := make([]llm.Vector, len(texts))
	for i, h := range texts {
		out[i] = a.vectors[a.key(project, s, h)]
	}
	return out, nil
}

func (a *archive) CacheVectors(
	_ context.Context, project string, s llm.VectorSpace, texts []llm.TextHash, v []llm.Vector,
) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.vectors == nil {
		a.vectors = map[string]llm.Vector{}
	}
	for i, h := range texts {
		a.vectors[a.key(project, s, h)] = v[i]
	}
	return nil
}

// meter is an embedder that counts a token a text more than there are.
type meter struct{ embedder }

func (e *meter) Embed(ctx context.Context, req llm.EmbedRequest) (llm.EmbedResponse, error) {
	answer, err := e.embedder.Embed(ctx, req)
	answer.Usage = llm.Usage{InputTokens: 7*len(req.Texts) + 1, CachedTokens: len(req.Texts)}
	return answer, err
}

// Whatever shares a request, the sums of those who pay are what was bought.
func TestTheBooksAddUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := &meter{embedder{takes: 50 * time.Millisecond, items: 32}}
		lanes := embedIn(0, e)
		lanes[0].Price = ledger.Price{Input: 0.02, Cached: 0.01}
		books := &archive{fails: 1}
		s, stop := start(t, dispatch.Config{Embed: lanes, Ledger: books})
		var g errgroup.Group
		for i := range 50 {
			g.Go(func() error {
				call := llm.Call{
					Tenant: fmt.Sprint("o/", i%3), Key: "k", Memo: fmt.Sprint("memo ", i), Priority: llm.PriorityIngest,
				}
				_, err := s.Embed(t.Context(), call, llm.InputDocument, texts(call.Memo, i+1))
				return err
			})
		}
		if err := g.Wait(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second) // the ledger takes nothing the first time
		stop()
		sums, byMemo := ledger.Sum{}, map[string]int64{}
		for account, sum := range books.sums {
			sums.Add(sum)
			byMemo[account.Memo] += sum.InputTokens
			if account.Kind != llm.KindEmbed || account.Provider != "test" || account.Model != "e" || account.Key != "k" {
				t.Errorf("account: %+v", account)
			}
		}
		bought := int64(0)
		for _, request := range e.requests {
			bought += int64(7*len(request) + 1)
		}
		if sums.InputTokens != bought || sums.CachedTokens != 50*51/2 {
			t.Errorf("booked %+v, bought %d tokens", sums, bought)
		}
		price := ledger.Price{Input: 0.02, Cached: 0.01}
		want := price.Of(llm.Usage{InputTokens: int(bought), CachedTokens: 50 * 51 / 2})
		if diff := want - sums.Cost; diff < -200 || diff > 200 {
			t.Errorf("cost %v, want %v", sums.Cost, want)
		}
		for i := range 50 {
			if got := byMemo[fmt.Sprint("memo ", i)]; got < int64(5*(i+1)) || got > int64(9*(i+1)) {
				t.Errorf("memo %d with %d texts paid for %d tokens", i, i+1, got)
			}
		}
	})
}

func TestAnswersAndRerankingAreBooked(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &slowTeller{teller: teller{words: []string{"a"}}, hang: func(int) bool { return false }}
		writer := writeBy("a", w)
		writer.Price = ledger.Price{Input: 1, Output: 2}
		writer.FastModel, writer.FastPrice = "small", &ledger.Price{Input: 0.1, Output: 0.2}
		books := &archive{}
		s, stop := start(t, dispatch.Config{
			Generate: []dispatch.GenerateLane{writer}, Rerank: rerankBy(scorer(1)), Ledger: books,
		})
		call := llm.Call{Tenant: "o/p", Priority: llm.PriorityAnswer}
		if _, err := read(s.Generate(t.Context(), call, "", llm.GenerateRequest{})); err != nil {
			t.Fatal(err)
		}
		if _, err := read(s.Generate(t.Context(), call, "", llm.GenerateRequest{Fast: true})); err != nil {
			t.Fatal(err)
		}
		_, err := s.Rerank(t.Context(), call, llm.RerankRequest{Query: "four", Documents: []string{"documents"}})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		stop()
		day := ledger.DayOf(time.Now())
		want := map[ledger.Account]ledger.Sum{
			{Day: day, Project: "o/p", Kind: llm.KindGenerate, Provider: "a", Model: "teller"}: {
				Requests: 1, InputTokens: 10, OutputTokens: 5, Cost: 20_000,
			},
			{Day: day, Project: "o/p", Kind: llm.KindGenerate, Provider: "a", Model: "small"}: {
				Requests: 1, InputTokens: 10, OutputTokens: 5, Cost: 2_000,
			},
			// The reranker says nothing, and is taken at the estimate.
			{Day: day, Project: "o/p", Kind: llm.KindRerank, Provider: "test", Model: "r"}: {Requests: 1, InputTokens: 6},
		}
		if diff := gocmp.Diff(want, maps.Clone(books.sums)); diff != "" {
			t.Errorf("booked (-want +got):\n%s", diff)
		}
	})
}

func TestABudgetRefusesBeforeItIsSpent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := &meter{embedder{takes: time.Second, items: 1}}
		lanes := embedIn(0, e)
		lanes[0].Price = ledger.Price{Input: 1e6} // a dollar a token
		yesterday, today := ledger.DayOf(time.Now())-1, ledger.DayOf(time.Now())
		books := &archive{sums: map[ledger.Account]ledger.Sum{
			{Day: yesterday, Project: "o/p"}:   {Cost: 1000 * ledger.Unit},
			{Day: today, Project: "o/p"}:       {Cost: 40 * ledger.Unit},
			{Day: today, Project: "other/one"}: {Cost: 99 * ledger.Unit},
		}}
		s, stop := start(t, dispatch.Config{Embed: lanes, Ledger: books, Budgets: []ledger.Budget{
			{Organization: "o", Period: ledger.Daily, Soft: 50 * ledger.Unit, Hard: 100 * ledger.Unit},
		}})
		defer stop()
		synctest.Wait()
		call := llm.Call{Tenant: "o/p", Priority: llm.PriorityIngest}
		var refused atomic.Int64
		var g errgroup.Group
		for i := range 40 { // each takes 3 tokens as estimated, and 8 as counted
			g.Go(func() error {
				_, err := s.Embed(t.Context(), call, llm.InputDocument, texts(fmt.Sprintf("t%02d", i), 1))
				if fault.Is(err, fault.Exhausted) {
					refused.Add(1)
					return nil
				}
				return err
			})
		}
		if err := g.Wait(); err != nil {
			t.Fatal(err)
		}
		if n := refused.Load(); n != 20 {
			t.Errorf("%d of 40 refused, want those beyond the 20 that 60 dollars are reserved for", n)
		}
		_, err := s.Embed(t.Context(), call, llm.InputDocument, texts("late", 1))
		if want := "The organization's budget for the day is spent: $"; !strings.HasPrefix(fault.Message(err), want) {
			t.Errorf("%v, want %q and the sums", err, want)
		}
		states, err := s.Budgets(t.Context(), "o/q")
		if err != nil || len(states) != 1 || states[0].Spent != 165*ledger.Unit {
			t.Errorf("budgets of the organization: %+v, %v", states, err)
		}
		if _, err := s.Embed(t.Context(), of("other/one"), llm.InputDocument, texts("x", 1)); err != nil {
			t.Errorf("another organization: %v", err)
		}
		time.Sleep(24 * time.Hour)
		if _, err := s.Embed(t.Context(), call, llm.InputDocument, texts("x", 1)); err != nil {
			t.Errorf("the day after: %v", err)
		}
	})
}

func TestABudgetIsCommonToProcesses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		books := &archive{}
		open := func() (*dispatch.Scheduler, func()) {
			lanes := embedIn(0, &meter{embedder{takes: time.Second, items: 1}})
			lanes[0].Price = ledger.Price{Input: 1e6} // a dollar a token, of which a text has 7
			return start(t, dispatch.Config{Embed: lanes, Ledger: books, SharedLedger: true, Budgets: []ledger.Budget{
				{Organization: "o", Period: ledger.Daily, Hard: 15 * ledger.Unit},
			}})
		}
		a, stopA := open()
		defer stopA()
		b, stopB := open()
		defer stopB()
		for i, s := range []*dispatch.Scheduler{a, b, a} {
			time.Sleep(3 * time.Second) // until what the other has spent is known
			_, err := s.Embed(t.Context(), of("o/p"), llm.InputDocument, texts(fmt.Sprint("t", i), 1))
			if spent := i == 2; spent != fault.Is(err, fault.Exhausted) {
				t.Errorf("call %d: %v", i, err)
			}
		}
		time.Sleep(3 * time.Second)
		for _, s := range []*dispatch.Scheduler{a, b} {
			states, err := s.Budgets(t.Context(), "o/p")
			if err != nil || len(states) != 1 || states[0].Spent != 14*ledger.Unit {
				t.Errorf("budgets %+v, %v; want 14 dollars spent", states, err)
			}
		}
	})
}

func TestNoVectorIsBoughtTwice(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e, cache := &embedder{}, &archive{}
		s, stop := start(t, dispatch.Config{Embed: embedIn(0, e), Dimensions: 2, Cache: cache})
		defer stop()
		embed := func(tenant string, input llm.Input, texts ...string) {
			t.Helper()
			call := llm.Call{Tenant: tenant, Priority: llm.PriorityQuery}
			vectors, err := s.Embed(t.Context(), call, input, texts)
			if err != nil {
				t.Fatal(err)
			}
			for i, v := range vectors {
				if v[0] != float32(len(texts[i])) {
					t.Errorf("vector of %q: %v", texts[i], v)
				}
			}
			synctest.Wait()
		}
		embed("o/p", llm.InputDocument, "a", "bb")
		embed("o/q", llm.InputDocument, "bb", "ccc", "a") // a project of the same organization
		if got, want := fmt.Sprint(e.requests), "[[a bb] [ccc]]"; got != want {
			t.Errorf("requests %s, want %s", got, want)
		}
		embed("o/p", llm.InputQuery, "a")     // another space
		embed("x/p", llm.InputDocument, "bb") // another organization
		if n := e.sent(); n != 4 {
			t.Errorf("%d requests, want one more for each", n)
		}
		cache.fails = 1
		embed("o/p", llm.InputDocument, "a")
		if n := e.sent(); n != 5 {
			t.Errorf("%d requests; a cache that fails costs a request and nothing else", n)
		}
	})
}
