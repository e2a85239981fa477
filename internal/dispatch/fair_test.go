package dispatch_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sync/errgroup"

	"kvasir/internal/dispatch"
	"kvasir/internal/llm"
)

func of(tenant string) llm.Call { return llm.Call{Tenant: tenant, Priority: llm.PriorityIngest} }

// A thousand tenants with little and one with a great deal: each of the small
// ones has its vectors after the requests that all of them fill together.
func TestTheLargestOfAThousandTenantsDelaysNobody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := &embedder{takes: time.Second, items: 100}
		s, stop := start(t, dispatch.Config{Embed: embedIn(5, e)}) // 4 for bulk
		defer stop()
		var g errgroup.Group
		g.Go(func() error {
			_, err := s.Embed(t.Context(), of("large"), llm.InputDocument, texts("large", 20_000))
			return err
		})
		time.Sleep(1500 * time.Millisecond)
		began := time.Now()
		for i := range 1000 {
			g.Go(func() error {
				name := fmt.Sprint("small ", i)
				_, err := s.Embed(t.Context(), of(name), llm.InputDocument, texts(name, 2))
				// 2,000 texts are 20 requests, of which 4 go at once.
				if took := time.Since(began); took > 8*time.Second {
					t.Errorf("%s waited %v", name, took)
				}
				return err
			})
		}
		if err := g.Wait(); err != nil {
			t.Fatal(err)
		}
		stop()
		sent := map[string]bool{}
		for _, request := range e.requests {
			for _, text := range request {
				if sent[text] {
					t.Fatalf("%q was sent twice", text)
				}
				sent[text] = true
			}
		}
		if len(sent) != 22_000 || e.most > 4 {
			t.Errorf("%d texts in at most %d requests at once, want 22,000 in 4", len(sent), e.most)
		}
	})
}

func TestTenantsShareByTokensNotByTexts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := &embedder{takes: time.Second, items: 10}
		s, stop := start(t, dispatch.Config{Embed: embedIn(1, e)})
		defer stop()
		var g errgroup.Group
		g.Go(func() error { // takes the only slot until both are in line
			_, err := s.Embed(t.Context(), of("first"), llm.InputDocument, texts("first", 10))
			return err
		})
		time.Sleep(500 * time.Millisecond)
		long, short := texts(strings.Repeat("long", 100), 30), texts("s", 300)
		for tenant, texts := range map[string][]string{"long": long, "short": short} {
			g.Go(func() error {
				_, err := s.Embed(t.Context(), of(tenant), llm.InputDocument, texts)
				return err
			})
		}
		if err := g.Wait(); err != nil {
			t.Fatal(err)
		}
		stop()
		// A long text is as heavy as 50 short ones, so these are done when 6 of the
		// long ones are.
		before := 0
		for i, request := range e.requests {
			for _, text := range request {
				if strings.HasPrefix(text, "long") && i < 30 {
					before++
				}
			}
		}
		if before > 10 {
			t.Errorf("%d long texts went before 300 short ones were done, want about 6", before)
		}
	})
}

func TestWhoAsksForTheSameAsALargeTenantDoesNotWaitWithIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := &embedder{takes: time.Second}
		s, stop := start(t, dispatch.Config{Embed: embedIn(1, e)})
		defer stop()
		var g errgroup.Group
		shared := texts("shared", 400)
		g.Go(func() error {
			_, err := s.Embed(t.Context(), of("large"), llm.InputDocument, shared)
			return err
		})
		time.Sleep(1500 * time.Millisecond)
		began := time.Now()
		if _, err := s.Embed(t.Context(), of("small"), llm.InputDocument, shared[399:]); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("the last text of a large tenant came to another after %v", took)
		}
		if err := g.Wait(); err != nil {
			t.Fatal(err)
		}
		stop()
		if len(e.requests) != 100 {
			t.Errorf("%d requests, want each of 400 texts once", len(e.requests))
		}
	})
}

// What is more urgent goes first, and whatever has waited goes in the end.
func TestMoreUrgentTextsGoFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := &embedder{takes: time.Second}
		s, stop := start(t, dispatch.Config{Embed: embedIn(1, e)})
		defer stop()
		var g errgroup.Group
		g.Go(func() error { // takes the only slot until all others are in line
			_, err := s.Embed(t.Context(), ingest, llm.InputDocument, texts("p-", 4))
			return err
		})
		time.Sleep(500 * time.Millisecond)
		for _, p := range []llm.Priority{llm.PriorityEnrich, llm.PriorityIngest, llm.PriorityQuery} {
			g.Go(func() error {
				call := llm.Call{Tenant: "p", Priority: p}
				_, err := s.Embed(t.Context(), call, llm.InputDocument, texts(fmt.Sprint("p", int(p)), 12))
				return err
			})
		}
		if err := g.Wait(); err != nil {
			t.Fatal(err)
		}
		stop()
		var order []string
		for _, request := range e.requests {
			order = append(order, request[0][:2])
		}
		want := "p- p2 p2 p2 p3 p3 p3 p4 p4 p4"
		if got := strings.Join(order, " "); got != want {
			t.Errorf("requests went %s, want %s", got, want)
		}
	})
}
