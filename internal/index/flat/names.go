package flat

import (
	"math/bits"
	"slices"

	"kvasir/internal/memo"
)

// names find the entries of a segment by memo: a hash table of entry numbers,
// with open places. Number 0 is a free place, so entries count from 1.
type names []uint32

// newNames returns the table of some entries, at most half full.
func newNames(entries []entry) names {
	t := make(names, 1<<bits.Len(uint(2*len(entries))))
	for i := range entries {
		at := t.start(hashID(entries[i].id))
		for t[at] != 0 {
			at = (at + 1) % uint64(len(t))
		}
		t[at] = uint32(i) + 1
	}
	return t
}

// find returns the number of a memo's entry. It is passed the memo's hash, as the
// same memo is looked up in many segments.
func (t names) find(hash uint64, id memo.ID, entries []entry) (uint32, bool) {
	for at := t.start(hash); t[at] != 0; at = (at + 1) % uint64(len(t)) {
		if i := t[at] - 1; entries[i].id == id {
			return i, true
		}
	}
	return 0, false
}

func (t names) start(hash uint64) uint64 { return hash % uint64(len(t)) }

// hashID is FNV-1a with its upper half folded in.
func hashID(id memo.ID) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(id) {
		h = (h ^ uint64(id[i])) * 1099511628211
	}
	return h ^ h>>32
}

// findEntry finds a living memo, which is in one view at most.
func findEntry(views []*view, id memo.ID) (*view, uint32, bool) {
	hash := hashID(id)
	for _, v := range slices.Backward(views) { // the newest change most often
		if i, ok := v.names.find(hash, id, v.entries); ok && v.alive.has(v.entries[i].first) {
			return v, i, true
		}
	}
	return nil, 0, false
}
