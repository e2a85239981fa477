package flat

import (
	"encoding/json"
	"slices"
	"sync"

	"kvasir/internal/memo"
)

// A sieve tells which documents a search may find.
type sieve struct {
	in  memo.Selection
	key string // of the filters
}

func newSieve(in memo.Selection) (*sieve, error) {
	s := &sieve{in: in}
	if len(in.Filters) > 0 {
		key, err := json.Marshal(in.Filters)
		if err != nil {
			return s, err
		}
		s.key = string(key)
	}
	return s, nil
}

// pass returns the documents of a view that may be found: alive, of a memo that
// is neither archived nor expired, and let through by the filters. The result
// may be shared and must not be changed.
func (s *sieve) pass(v *view) bitset {
	out := v.alive
	if len(s.in.Filters) > 0 {
		out = out.both(v.filtered.of(v.segment, s))
	}
	owned := len(s.in.Filters) > 0
	for _, i := range v.limited {
		e := &v.entries[i]
		if e.attrs.Retrievable(s.in.Now) {
			continue
		}
		if !owned {
			out, owned = slices.Clone(out), true
		}
		out.remove(e.first, e.end)
	}
	return out
}

// keptFilters is how many lists of filters a segment remembers. Clients use the
// same few again and again, and asking every memo of a large project takes
// longer than all the rest of a search.
const keptFilters = 16

// A filterCache remembers which documents of a segment satisfy some filters.
// Attributes in a segment never change, so what it knows stays true.
type filterCache struct {
	mu     sync.Mutex // held while memos are asked: concurrent searches share the work
	recent []filterResult
}

type filterResult struct {
	key  string
	docs bitset
}

// of returns the documents of seg that satisfy the filters of s.
func (c *filterCache) of(seg *segment, s *sieve) bitset {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := slices.IndexFunc(c.recent, func(r filterResult) bool { return r.key == s.key })
	var r filterResult
	if i >= 0 {
		r = c.recent[i]
		c.recent = slices.Delete(c.recent, i, i+1)
	} else {
		r = filterResult{s.key, newBitset(len(seg.docs), false)}
		for i := range seg.entries {
			e := &seg.entries[i]
			if !s.in.Filters.Match(&e.attrs) {
				continue
			}
			for n := e.first; n < e.end; n++ {
				r.docs.add(n)
			}
		}
	}
	if len(c.recent) == keptFilters {
		c.recent = slices.Delete(c.recent, 0, 1)
	}
	c.recent = append(c.recent, r)
	return r.docs
}
