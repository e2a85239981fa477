package flat

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"kvasir/internal/memo"
)

func TestMemoryIsHandedOut(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 8, 24, mappedFrom, 3 * mappedFrom} {
		m := newMemory(n + 5)
		words, rest := m.words(n/8), m.rest()
		if len(words) != n/8 || len(rest) != n%8+5 || len(m.rest()) != 0 {
			t.Fatalf("of %d bytes, %d words and %d bytes", n+5, len(words), len(rest))
		}
		for i := range words {
			if words[i] != 0 {
				t.Fatalf("word %d of %d is %x", i, len(words), words[i])
			}
			words[i] = math.MaxUint64
		}
		if slices.Max(rest) != 0 {
			t.Errorf("%d words reach into the rest", len(words))
		}
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 2, 3, 1000} {
		entries := make([]entry, n)
		for i := range entries {
			entries[i].id = memo.ID(fmt.Sprintf("%036d", i))
		}
		table := newNames(entries)
		for i := range entries {
			id := entries[i].id
			if got, ok := table.find(hashID(id), id, entries); !ok || got != uint32(i) {
				t.Fatalf("of %d, %s is at %d, %v", n, id, got, ok)
			}
		}
		for _, id := range []memo.ID{"", "x", memo.ID(fmt.Sprintf("%036d", n))} {
			if got, ok := table.find(hashID(id), id, entries); ok {
				t.Errorf("of %d, %q is found at %d", n, id, got)
			}
		}
	}
}
