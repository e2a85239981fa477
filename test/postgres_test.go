package test

import (
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"testing"
	"time"

	"kvasir/client"
	"kvasir/internal/api/wiretest"
	"kvasir/internal/provider/providertest"
	"kvasir/internal/testenv"
)

// TestPostgres holds the server to the wire on PostgreSQL, stops it, and finds all
// that was there.
func TestPostgres(t *testing.T) {
	t.Parallel()
	database := "DATABASE_URL=" + testenv.Postgres(t).Database(t)
	s := serve(t, database)
	wiretest.Run(t, s.url, key)
	h, err := s.Health(t.Context())
	if err != nil || h.Store != "postgres" {
		t.Errorf("health says %q, %v", h.Store, err)
	}
	id, err := s.CreateMemo(t.Context(), client.NewMemo{Title: "Kept", Content: "A pangolin has scales."})
	if err != nil {
		t.Fatal(err)
	}
	s.stop(t)
	again := serve(t, database)
	if status, err := again.WaitForMemo(t.Context(), client.ByID(id)); err != nil || status.Status != "processed" {
		t.Fatalf("%+v, %v", status, err)
	}
	found, err := again.Search(t.Context(), client.SearchRequest{Query: "pangolin scales"})
	if err != nil || len(found) == 0 || found[0].MemoID != id {
		t.Errorf("found %+v, %v", found, err)
	}
}

// TestTwoNodes lets one server take a memo in and another find it: each hears of what
// the other has written.
func TestTwoNodes(t *testing.T) {
	t.Parallel()
	database := "DATABASE_URL=" + testenv.Postgres(t).Database(t)
	a, b := serve(t, database), serve(t, database)
	next, stop := iter.Pull2(b.Events(t.Context(), client.EventsRequest{After: client.OldestEvent}))
	defer stop()
	for i := range 20 { // a number tells them apart, or all but one would be repetitions
		id, err := a.CreateMemo(t.Context(), client.NewMemo{Title: "Shared", Content: fmt.Sprintf("Okapi %d lives in the forest.", i)})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.WaitForMemo(t.Context(), client.ByID(id)); err != nil {
			t.Fatal(err)
		}
		found, err := b.Search(t.Context(), client.SearchRequest{Query: "okapi forest", Limit: 50})
		if err != nil {
			t.Fatal(err)
		}
		there := false
		for _, f := range found {
			there = there || f.MemoID == id
		}
		if !there {
			t.Fatalf("the other node does not find %s", id)
		}
		for change := (client.Change{}); change.MemoID != id || change.Kind != "memo.processed"; {
			if change, err, _ = next(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestThreeNodesShareALimit lets three nodes work at one provider, of whose limit all
// know. One is killed; the others take its part and its work over, and nothing is
// bought twice but what it had on the way.
func TestThreeNodesShareALimit(t *testing.T) {
	t.Parallel()
	const perMinute = 300 // requests
	provider, environment := paced(t, providertest.Behaviour{Embed: providertest.Manner{
		Limit: providertest.Limit{RequestsPerMinute: perMinute, Burst: providertest.Duration(6 * time.Second)},
		Pace:  providertest.Pace{Latency: providertest.Duration(50 * time.Millisecond)},
	}})
	lanes := filepath.Join(t.TempDir(), "lanes.toml")
	file := fmt.Sprintf(`
[[provider]]
name = "openai"
base_url = %q
keys = ["$OPENAI_API_KEY"]

[[embed]]
provider = "openai"
model = "m"
requests_per_minute = %d
`, provider.BaseURL(), perMinute)
	if err := os.WriteFile(lanes, []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	environment = append(environment, "KVASIR_MODELS="+lanes, "DATABASE_URL="+testenv.Postgres(t).Database(t))
	var nodes []*server
	for range 3 {
		nodes = append(nodes, serve(t, environment...))
	}
	eventually(t, "each node has a part of the limit", func() bool {
		// A person's question needs a vector, and so a part.
		for _, n := range nodes {
			if _, err := n.Search(t.Context(), client.SearchRequest{Query: fmt.Sprint("ducks ", time.Now())}); err != nil {
				return false
			}
		}
		return true
	})
	const memos = 400
	post(t, nodes[0].Client, memos)
	eventually(t, "a third is processed", func() bool {
		health, err := nodes[1].Health(t.Context())
		return err == nil && health.Queue.Pending < memos*2/3
	})
	onTheWay := nodes[0].killAt(t, provider, 2*time.Second)
	processed(t, nodes[1])
	totals := provider.Totals(providertest.Embed)
	t.Logf("%d requests, %d refused, %d texts of %d bought again, %d were on their way at the kill",
		totals.Requests, totals.ByStatus[429], totals.Duplicates, totals.Texts, onTheWay)
	if totals.Duplicates > onTheWay {
		t.Errorf("%d texts were bought again, %d were on their way at the kill", totals.Duplicates, onTheWay)
	}
	if refused := totals.ByStatus[429]; refused*50 > totals.Requests {
		t.Errorf("%d of %d requests were over the limit", refused, totals.Requests)
	}
	for _, n := range nodes[1:] {
		list, err := n.ListMemos(t.Context(), client.PageRequest{})
		if err != nil || list.Count != memos {
			t.Errorf("%d memos, %v; want %d", list.Count, err, memos)
		}
	}
}
