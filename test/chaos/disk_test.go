package chaos

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"kvasir/client"
	"kvasir/internal/provider/providertest"
)

// A disk that is full makes writes fail in words, and nothing else. When there is room
// again, all goes on, without a restart.
func TestTheDiskIsFull(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("only root may mount a disk that is small enough to be filled")
	}
	provider, environment := seller(t, unhurried())
	n := &node{data: t.TempDir(), environment: environment}
	if err := syscall.Mount("tmpfs", n.data, "tmpfs", 0, "size=24m"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(n.data, 0); err != nil {
			t.Error(err)
		}
	})
	n.start(t)
	t.Cleanup(func() { n.stop(t) })
	p, _ := n.now()
	l := newLedger()
	crowd := send(t, l, 6, 0, n)
	ballast := filepath.Join(n.data, "ballast")
	for range max(1, restarts()/2) {
		fill(t, ballast)
		eventually(t, "a write is refused in words", func() bool {
			_, err := p.CreateMemo(t.Context(), client.NewMemo{Title: "Much", Content: strings.Repeat("Ducks. ", 100_000)})
			var refused *client.APIError
			if err != nil && !errors.As(err, &refused) {
				t.Fatalf("a write to a full disk ends with %v", err)
			}
			if err == nil { // there was room left, by a delete
				return false
			}
			if refused.StatusCode != http.StatusServiceUnavailable && refused.StatusCode != http.StatusInsufficientStorage ||
				!strings.Contains(refused.Message, "disk is full") {
				t.Fatalf("a write to a full disk is answered %v", err)
			}
			return true
		})
		if _, err := p.Search(t.Context(), client.SearchRequest{Query: "ducks ponds"}); err != nil {
			t.Errorf("a search with a full disk: %v", err)
		}
		if _, err := p.ListMemos(t.Context(), client.PageRequest{}); err != nil {
			t.Errorf("a list with a full disk: %v", err)
		}
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
	}
	crowd.home()
	crowd.complaints(t)
	provider.Behave(providertest.Behaviour{})
	// What fitted of the large ones is nobody's.
	for m, err := range p.AllMemos(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if m.ReferenceID == "" {
			if err := p.DeleteMemo(t.Context(), client.ByID(m.ID)); err != nil {
				t.Error(err)
			}
		}
	}
	invariants(t, p, l)
}

// fill writes a file until there is no room.
func fill(t *testing.T, name string) {
	t.Helper()
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for err == nil {
		_, err = f.Write(make([]byte, 4096))
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
}
