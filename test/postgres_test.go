package test

import (
	"iter"
	"testing"

	"kvasir/client"
	"kvasir/internal/api/wiretest"
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
	for range 20 {
		id, err := a.CreateMemo(t.Context(), client.NewMemo{Title: "Shared", Content: "The okapi lives in the forest."})
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
