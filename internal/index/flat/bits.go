package flat

import "math/bits"

// A bitset marks documents of a segment by their numbers.
type bitset []uint64

// newBitset returns the set of the first n numbers if full, else an empty one.
func newBitset(n int, full bool) bitset {
	s := make(bitset, (n+63)/64)
	if full {
		for i := range s {
			s[i] = ^uint64(0)
		}
		if n%64 != 0 {
			s[len(s)-1] = 1<<(n%64) - 1
		}
	}
	return s
}

func (s bitset) has(n uint32) bool { return s[n/64]&(1<<(n%64)) != 0 }

// bit returns 1 if n is in the set, else 0.
func (s bitset) bit(n uint32) int { return int(s[n/64] >> (n % 64) & 1) }

func (s bitset) add(n uint32) { s[n/64] |= 1 << (n % 64) }

// remove takes out the numbers from first to before end.
func (s bitset) remove(first, end uint32) {
	for n := first; n < end; n++ {
		s[n/64] &^= 1 << (n % 64)
	}
}

// both returns the numbers that are in s and in t.
func (s bitset) both(t bitset) bitset {
	out := make(bitset, len(s))
	for i := range s {
		out[i] = s[i] & t[i]
	}
	return out
}

func (s bitset) count() int {
	n := 0
	for _, w := range s {
		n += bits.OnesCount64(w)
	}
	return n
}

// all yields the numbers of the set in order.
func (s bitset) all() func(yield func(uint32) bool) {
	return func(yield func(uint32) bool) {
		for i, w := range s {
			for ; w != 0; w &= w - 1 {
				if !yield(uint32(64*i + bits.TrailingZeros64(w))) {
					return
				}
			}
		}
	}
}
