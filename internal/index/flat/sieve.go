package flat

import (
	"cmp"
	"container/heap"
	"slices"
	"strings"

	"kvasir/internal/memo"
)

// A sieve lets through the documents of memos that a search may find. It asks
// each memo once, and only when one of its documents comes up.
type sieve struct {
	p     *part
	in    memo.Selection
	known []verdict // by number of the memo's entry
}

type verdict uint8

const (
	unasked verdict = iota
	passes
	blocked
)

func newSieve(p *part, in memo.Selection) *sieve {
	return &sieve{p: p, in: in, known: make([]verdict, len(p.entries))}
}

func (s *sieve) pass(n uint32) bool {
	d := &s.p.docs[n]
	if d.dead {
		return false
	}
	v := &s.known[d.entry]
	if *v == unasked {
		*v = blocked
		if s.entry(s.p.entries[d.entry]) {
			*v = passes
		}
	}
	return *v == passes
}

func (s *sieve) entry(e *entry) bool {
	return e.attrs.Retrievable(s.in.Now) && s.in.Filters.Match(&e.attrs)
}

// A best keeps the limit best documents that were offered. Equal scores go to
// the older document.
type best struct {
	limit int
	found found
}

type scoredDoc struct {
	n     uint32
	score float32
}

func (a scoredDoc) worse(b scoredDoc) bool {
	return a.score < b.score || a.score == b.score && a.n > b.n
}

// offer takes a document if it is among the best so far and passes.
func (b *best) offer(s *sieve, d scoredDoc) {
	full := len(b.found) == b.limit
	if b.limit == 0 || full && !b.found[0].worse(d) || !s.pass(d.n) {
		return
	}
	if full {
		b.found[0] = d
		heap.Fix(&b.found, 0)
		return
	}
	heap.Push(&b.found, d)
}

// hits returns the documents as hits, best first.
func (b *best) hits(p *part) []memo.Hit {
	slices.SortFunc(b.found, func(x, y scoredDoc) int {
		return cmp.Or(cmp.Compare(y.score, x.score), cmp.Compare(x.n, y.n))
	})
	out := make([]memo.Hit, len(b.found))
	for i, d := range b.found {
		doc := &p.docs[d.n]
		out[i] = memo.Hit{Chunk: doc.chunk, Memo: p.entries[doc.entry].id, Score: float64(d.score)}
	}
	return out
}

// found is a heap with the worst on top.
type found []scoredDoc

func (f found) Len() int           { return len(f) }
func (f found) Less(i, j int) bool { return f[i].worse(f[j]) }
func (f found) Swap(i, j int)      { f[i], f[j] = f[j], f[i] }

// Push and Pop are for package heap.
func (f *found) Push(x any) { *f = append(*f, x.(scoredDoc)) }

// Pop removes the last document.
func (f *found) Pop() any {
	last := (*f)[len(*f)-1]
	*f = (*f)[:len(*f)-1]
	return last
}

func (p *part) titles(s *sieve, text string, prefix bool, limit int) []memo.Hit {
	text = strings.ToLower(text)
	var ids []memo.ID
	for id, e := range p.memos {
		title := strings.ToLower(e.attrs.Title)
		match := strings.Contains(title, text)
		if prefix {
			match = strings.HasPrefix(title, text)
		}
		if match && len(e.docs) > 0 && s.entry(e) {
			ids = append(ids, id)
		}
	}
	// Ids are ordered by time of creation.
	slices.SortFunc(ids, func(a, b memo.ID) int { return strings.Compare(string(b), string(a)) })
	var out []memo.Hit
	for _, id := range ids[:min(limit, len(ids))] {
		out = append(out, memo.Hit{Chunk: p.docs[p.memos[id].docs[0]].chunk, Memo: id})
	}
	return out
}
