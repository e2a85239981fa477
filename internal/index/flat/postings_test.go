package flat

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestListsComeBack writes lists with near and far documents, rare and frequent
// terms, and reads them again, across blocks.
func TestListsComeBack(t *testing.T) {
	t.Parallel()
	type posting struct {
		doc uint32
		tf  uint8
	}
	r := rand.New(rand.NewPCG(1, 2))
	for _, gap := range []int{1, 3, 100, 70_000, 3_000_000} {
		for _, n := range []int{1, 2, 127, 128, 129, 1000} {
			var w dictionaryWriter
			var want []posting
			for doc := r.IntN(gap); len(want) < n; doc += 1 + r.IntN(gap) {
				want = append(want, posting{uint32(doc), uint8(1 + r.IntN(4)*r.IntN(85))})
			}
			w.begin()
			w.end(1, "") // a term without documents
			w.begin()
			for _, p := range want {
				w.add(p.doc, p.tf)
			}
			w.end(7, "seven")
			w.begin()
			w.add(5, 255)
			w.end(9, "")
			d := w.finish()
			var got []posting
			var b block
			reader := d.find(7).reader()
			for k := reader.next(&b); k > 0; k = reader.next(&b) {
				for i := range k {
					got = append(got, posting{b.docs[i], uint8(b.counts[i])})
				}
			}
			if !slices.Equal(got, want) || d.find(7).count != n {
				t.Fatalf("gap %d: %d postings come back as %d", gap, n, len(got))
			}
			last := d.find(9).reader()
			if k := last.next(&b); k != 1 || b.docs[0] != 5 || b.counts[0] != 255 {
				t.Errorf("the last list comes back as %d postings, %d, %d", k, b.docs[0], b.counts[0])
			}
			for _, hash := range []uint64{0, 1, 8, 10} {
				if l := d.find(hash); l.count != 0 {
					t.Errorf("hash %d has %d documents", hash, l.count)
				}
			}
		}
	}
}

func TestBitsets(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 63, 64, 65, 200} {
		s := newBitset(n, true)
		if s.count() != n {
			t.Errorf("a full set of %d has %d", n, s.count())
		}
		odd := newBitset(n, false)
		for i := 1; i < n; i += 2 {
			odd.add(uint32(i))
		}
		s.remove(0, uint32(n/2))
		both := s.both(odd)
		var want []uint32
		for i := uint32(n / 2); i < uint32(n); i++ {
			if i%2 == 1 {
				want = append(want, i)
			}
		}
		if got := slices.Collect(both.all()); !slices.Equal(got, want) {
			t.Errorf("of %d: %v, want %v", n, got, want)
		}
		for i := range uint32(n) {
			if has := slices.Contains(want, i); both.has(i) != has || both.bit(i) == 1 != has {
				t.Errorf("of %d: has(%d) = %v", n, i, both.has(i))
			}
		}
	}
}
