package flat

import (
	"hash/maphash"
	"math"
	"slices"

	"kvasir/internal/lexical"
	"kvasir/internal/memo"
)

// A wordReader turns texts into counted terms. It remembers stems, so it is kept
// and used again, by one goroutine at a time.
type wordReader struct {
	seed     maphash.Seed // one for the whole index
	analyzer lexical.Analyzer
	hashes   []uint64
}

// analyse reads a changed memo. A chunk in which no language shows is taken to
// be in that of its memo's others, or else in English: names and codes come out
// the same.
func (r *wordReader) analyse(c *memo.Change) *analysed {
	m := &analysed{id: c.Memo, attrs: c.Attributes}
	if c.Deleted {
		return m
	}
	m.passages = make([]passage, len(c.Chunks))
	votes := map[lexical.Language]int{}
	for i := range c.Chunks {
		lang := lexical.Detect(c.Chunks[i].Text)
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
	for i := range c.Chunks {
		p := &m.passages[i]
		if p.language == lexical.Unknown {
			p.language = usual
		}
		p.chunk, p.vector = c.Chunks[i].ID, pack(c.Chunks[i].Vector)
		p.terms, p.length = r.count(c.Chunks[i].Text, p.language)
	}
	return m
}

// read returns the hashes of a text's terms, sorted.
func (r *wordReader) read(text string, lang lexical.Language) []uint64 {
	r.hashes = r.hashes[:0]
	for _, t := range r.analyzer.Terms(text, lang) {
		r.hashes = append(r.hashes, maphash.String(r.seed, t))
	}
	slices.Sort(r.hashes)
	return r.hashes
}

// count returns a text's terms, and how many there are with repetitions.
func (r *wordReader) count(text string, lang lexical.Language) ([]termCount, uint16) {
	hashes := r.read(text, lang)
	distinct := 0
	for i, h := range hashes {
		if i == 0 || h != hashes[i-1] {
			distinct++
		}
	}
	counts := make([]termCount, 0, distinct)
	for i, h := range hashes {
		if i == 0 || h != hashes[i-1] {
			counts = append(counts, termCount{hash: h})
		}
		if last := &counts[len(counts)-1]; last.tf < math.MaxUint8 {
			last.tf++
		}
	}
	return counts, uint16(min(len(hashes), math.MaxUint16))
}
