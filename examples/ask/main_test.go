package main

import (
	"testing"

	"kvasir/client"
	"kvasir/client/clienttest"
)

func TestRun(t *testing.T) {
	t.Parallel()
	srv := clienttest.Start(t)
	c := client.New(srv.URL, clienttest.Key, &client.Options{HTTPClient: srv.HTTP})
	for range 2 { // the second run replaces what the first one added
		if err := run(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	if got := len(srv.Memos()); got != len(memos) {
		t.Errorf("the server has %d memos, want %d", got, len(memos))
	}
}
