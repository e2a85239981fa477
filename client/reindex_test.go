package client_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"kvasir/client"
)

func TestReindex(t *testing.T) {
	t.Parallel()
	_, c := start(t)
	if _, err := c.CreateMemo(t.Context(), client.NewMemo{Title: "T", Content: "C"}); err != nil {
		t.Fatal(err)
	}
	got, err := c.Reindex(t.Context(), client.ReindexStart)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 11, 22, 17, 45, 40, 38e6, time.UTC)
	want := &client.IndexVersion{
		Version: 2, State: client.IndexNext, Model: "large", Dimensions: 1024, Chunker: "text/1 words=180",
		Passages: 1200, Lacking: 1200, Configured: true, Created: at,
	}
	if diff := cmp.Diff(want, got.Version(client.IndexNext)); diff != "" {
		t.Errorf("next (-want +got):\n%s", diff)
	}
	if got.Next != "large" || got.Version(client.IndexFormer) != nil || got.Versions[0].State != client.IndexLive {
		t.Errorf("the versions are %+v", got)
	}
	if _, err := c.Reindex(t.Context(), client.ReindexFlip); err == nil {
		t.Error("what is not complete has become the live version")
	}
	for range 2 {
		if got, err = c.Reindexing(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if next := got.Version(client.IndexNext); next.Lacking != 400 {
		t.Errorf("it lacks %d", next.Lacking)
	}
	if ids, err := c.SearchVersion(t.Context(), client.IndexNext, "c", 5); err != nil || len(ids) != 1 {
		t.Errorf("found %q, %v", ids, err)
	}
}
