package flat

import (
	"hash/maphash"
	"math"
	"slices"
	"strings"

	"kvasir/internal/lexical"
	"kvasir/internal/memo"
)

// What a term counts in a passage, by where it stands. Titles, headings and tags
// say what a passage is about. The length of a passage is that of its text alone:
// what all passages of a memo share makes none of them longer.
const (
	textWeight    = 1
	headingWeight = 2
	tagWeight     = 2
)

// A wordReader turns texts into counted terms. It remembers stems, so it is kept
// and used again, by one goroutine at a time.
type wordReader struct {
	seed     maphash.Seed // one for the whole index
	analyzer lexical.Analyzer
	counts   counter
	told     [1 << 13]uint64 // terms whose spelling was given away lately
	spelled  []spelling
}

// A spelling is a term with its text. A reader gives the spelling of each term it
// meets at least once.
type spelling struct {
	hash uint64
	text string
}

// forget makes the reader give all spellings again.
func (r *wordReader) forget() { clear(r.told[:]) }

// analyse reads a changed memo. A chunk in which no language shows is taken to
// be in that of its memo's others, or else in English: names and codes come out
// the same.
func (r *wordReader) analyse(c *memo.Change) *analysed {
	m := &analysed{id: c.Memo, seq: c.Seq, attrs: c.Attributes}
	if c.Deleted {
		return m
	}
	m.passages = make([]passage, len(c.Chunks))
	votes := map[lexical.Language]int{}
	for i := range c.Chunks {
		lang := lexical.Detect(c.Chunks[i].Text)
		if lang == lexical.Unknown {
			lang = lexical.Detect(c.Chunks[i].Heading)
		}
		m.passages[i].language = lang
		votes[lang]++
	}
	usual := lexical.English
	delete(votes, lexical.Unknown)
	for lang, n := range votes {
		if n > votes[usual] || n == votes[usual] && lang < usual {
			usual = lang
		}
	}
	tags := strings.Join(c.Tags, "\n")
	for i := range c.Chunks {
		p := &m.passages[i]
		if p.language == lexical.Unknown {
			p.language = usual
		}
		p.chunk, p.vector = c.Chunks[i].ID, pack(c.Chunks[i].Vector)
		r.counts.reset()
		r.count(c.Chunks[i].Heading, p.language, headingWeight)
		r.count(tags, p.language, tagWeight)
		length := r.count(c.Chunks[i].Text, p.language, textWeight)
		p.terms, p.length = slices.Clone(r.counts.terms), uint16(min(length, math.MaxUint16))
	}
	m.spelled, r.spelled = r.spelled, nil
	return m
}

// count counts the terms of a text, and returns how long it is.
func (r *wordReader) count(text string, lang lexical.Language, weight uint8) int {
	if text == "" {
		return 0
	}
	length := 0
	for _, t := range r.analyzer.Read(text, lang) {
		hash := maphash.String(r.seed, t.Text)
		r.counts.add(hash, weight)
		if t.Kind == lexical.Word {
			length++
		}
		if told := &r.told[hash%uint64(len(r.told))]; *told != hash {
			*told = hash
			if t.Kind != lexical.Faint && likeable(t.Text) {
				r.spelled = append(r.spelled, spelling{hash, strings.Clone(t.Text)})
			}
		}
	}
	return length
}

// A counter counts terms, in a hash table with open places.
type counter struct {
	terms []termCount
	slots []uint32 // numbers of terms, from 1; 0 for a free place
}

const smallCounter = 256

func (t *counter) reset() {
	if t.slots == nil {
		t.slots = make([]uint32, smallCounter)
	}
	t.terms, t.slots = t.terms[:0], t.slots[:smallCounter]
	clear(t.slots)
}

// add counts a term n times.
func (t *counter) add(hash uint64, n uint8) {
	at := t.find(hash)
	if i := t.slots[at]; i > 0 {
		tf := &t.terms[i-1].tf
		*tf += min(n, math.MaxUint8-*tf)
		return
	}
	t.terms = append(t.terms, termCount{hash: hash, tf: n})
	t.slots[at] = uint32(len(t.terms))
	if 2*len(t.terms) > len(t.slots) {
		t.grow()
	}
}

// find returns the place of a term, or the one that is free for it.
func (t *counter) find(hash uint64) uint64 {
	mask := uint64(len(t.slots) - 1)
	at := hash & mask
	for t.slots[at] > 0 && t.terms[t.slots[at]-1].hash != hash {
		at = (at + 1) & mask
	}
	return at
}

func (t *counter) grow() {
	if n := 2 * len(t.slots); n <= cap(t.slots) {
		t.slots = t.slots[:n]
		clear(t.slots)
	} else {
		t.slots = make([]uint32, n)
	}
	for i := range t.terms {
		t.slots[t.find(t.terms[i].hash)] = uint32(i) + 1
	}
}
