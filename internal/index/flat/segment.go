package flat

import (
	"cmp"
	"slices"
	"strings"

	"kvasir/internal/lexical"
	"kvasir/internal/memo"
)

// segmentDocs is how many documents a segment should hold at most. Building one
// from others then takes some twenty milliseconds at worst, and the scores of a
// search over one fit in a processor's second cache.
const segmentDocs = 1 << 14

// A segment is an immutable index of some memos. Documents are chunks, numbered
// in the order of arrival; those of a memo are neighbours.
type segment struct {
	entries   []entry
	docs      []doc
	lengths   []uint16 // of each document, in terms
	languages []lexical.Language
	terms     dictionary
	vectors   vectors
	names     names
	limited   []uint32 // entries that are archived or may expire
	memory    *memory  // of the postings
	through   int64    // the newest change in it
	bytes     int64    // an estimate of all this
	filtered  filterCache
}

// An entry is a memo with its documents, at least one.
type entry struct {
	id         memo.ID
	attrs      memo.Attributes
	first, end uint32
}

// A doc is a chunk.
type doc struct {
	chunk memo.ChunkID
	entry uint32
}

// A passage is an analysed chunk.
type passage struct {
	chunk    memo.ChunkID
	terms    []termCount // no term twice
	length   uint16
	language lexical.Language
	vector   *packed
}

// A termCount is a term of a document and how often it occurs, capped at 255,
// beyond which BM25 sees no difference.
type termCount struct {
	hash uint64
	tf   uint8
}

// An assembly is a segment being put together.
type assembly struct{ segment }

// addEntry begins a memo; its documents follow.
func (a *assembly) addEntry(id memo.ID, attrs memo.Attributes) {
	n := uint32(len(a.docs))
	if attrs.Archived || attrs.Expires != nil {
		a.limited = append(a.limited, uint32(len(a.entries)))
	}
	a.entries = append(a.entries, entry{id: id, attrs: attrs, first: n, end: n})
}

// addDoc adds a document to the last memo.
func (a *assembly) addDoc(chunk memo.ChunkID, length uint16, language lexical.Language) {
	e := len(a.entries) - 1
	a.docs = append(a.docs, doc{chunk: chunk, entry: uint32(e)})
	a.entries[e].end++
	a.lengths = append(a.lengths, length)
	a.languages = append(a.languages, language)
}

// finish closes the segment and weighs it.
func (a *assembly) finish() *segment {
	s := &a.segment
	s.names = newNames(s.entries)
	s.memory = newMemory(len(s.terms.data))
	postings := s.memory.rest()
	copy(postings, s.terms.data)
	s.terms.data = postings
	const fixed = 27 // of a document, its part in other arrays
	s.bytes = int64(s.terms.bytes()+s.vectors.bytes()+4*len(s.names)) + int64(len(s.docs)*fixed+a.joinIDs())
	for i := range s.entries {
		s.bytes += entryBytes(&s.entries[i])
	}
	return s
}

// joinIDs makes the documents' ids parts of one text, and returns its length:
// a text of its own for each costs the collector of garbage much more.
func (a *assembly) joinIDs() int {
	var all strings.Builder
	for i := range a.docs {
		all.WriteString(string(a.docs[i].chunk))
	}
	rest := memo.ChunkID(all.String())
	for i := range a.docs {
		n := len(a.docs[i].chunk)
		a.docs[i].chunk, rest = rest[:n], rest[n:]
	}
	return all.Len()
}

func entryBytes(e *entry) int64 {
	const (
		fixed      = 288 // the struct, and its place among the names
		allocation = 16  // what a small object costs beyond its content
	)
	n := fixed + len(e.id) + len(e.attrs.Title) + len(e.attrs.Metadata)
	for _, tag := range e.attrs.Tags {
		n += len(tag) + 2*allocation
	}
	for k, v := range e.attrs.Scopes {
		n += len(k) + len(v) + 4*allocation
	}
	return int64(n)
}

// newSegment builds a segment from analysed memos and the spellings of their terms.
func newSegment(memos []*analysed, spelled []spelling) *segment {
	docs, dims := 0, map[int]int{}
	for _, m := range memos {
		docs += len(m.passages)
		for _, p := range m.passages {
			if p.vector != nil {
				dims[p.vector.dim]++
			}
		}
	}
	var a assembly
	a.vectors = newVectors(docs, usual(dims))
	lists := make([][]termCount, 0, docs)
	for _, m := range memos {
		a.addEntry(m.id, m.attrs)
		a.through = max(a.through, m.seq)
		for i := range m.passages {
			p := &m.passages[i]
			a.vectors.put(uint32(len(a.docs)), p.vector)
			a.addDoc(p.chunk, p.length, p.language)
			lists = append(lists, p.terms)
		}
	}
	a.terms = invert(lists, spelled)
	return a.finish()
}

// usual returns the length that most vectors have, 0 if there are none. Vectors
// of one model have one length, but for damaged ones.
func usual(dims map[int]int) int {
	best := 0
	for dim, n := range dims {
		if dim > 0 && (n > dims[best] || best == 0 || n == dims[best] && dim > best) {
			best = dim
		}
	}
	return best
}

// invert turns the terms of documents into the documents of terms.
func invert(docs [][]termCount, spelled []spelling) dictionary {
	type term struct {
		hash        uint64
		count, next uint32
		word        string
	}
	numbers := map[uint64]uint32{}
	var terms []term
	total := 0
	for _, counts := range docs {
		for _, c := range counts {
			n, ok := numbers[c.hash]
			if !ok {
				n = uint32(len(terms))
				numbers[c.hash] = n
				terms = append(terms, term{hash: c.hash})
			}
			terms[n].count++
		}
		total += len(counts)
	}
	for _, s := range spelled {
		if n, ok := numbers[s.hash]; ok {
			terms[n].word = s.text
		}
	}
	slices.SortFunc(terms, func(a, b term) int { return cmp.Compare(a.hash, b.hash) })
	next := uint32(0)
	for i := range terms {
		numbers[terms[i].hash] = uint32(i)
		terms[i].next = next
		next += terms[i].count
	}
	postings := make([]uint32, total) // document and count in one
	for d, counts := range docs {
		for _, c := range counts {
			t := &terms[numbers[c.hash]]
			postings[t.next] = uint32(d)<<8 | uint32(c.tf)
			t.next++
		}
	}
	var w dictionaryWriter
	for _, t := range terms {
		w.begin()
		for _, p := range postings[t.next-t.count : t.next] {
			w.add(p>>8, uint8(p))
		}
		w.end(t.hash, t.word)
	}
	return w.finish()
}
