package flat

import (
	"math"
	"slices"
	"sync"

	"kvasir/internal/lexical"
	"kvasir/internal/memo"
)

// The parameters of BM25: less saturation and length normalisation than usual,
// as suits passages of about equal length.
const (
	k1 = 0.9
	b  = 0.4
)

// languageShare is the part of a project's documents that must be in a language
// for queries to be read in it, too.
const languageShare = 0.05

// scratch holds the scores of one search, to be used again.
type scratch struct {
	scores  []float32
	touched []uint32
}

var scratches = sync.Pool{New: func() any { return new(scratch) }}

// lexical scores documents term by term: idf(t) * tf / (tf + k1 (1 - b + b len/avg)),
// with Lucene's idf, log(1 + (N - n + 0.5) / (n + 0.5)).
func (p *part) lexical(s *sieve, text string, limit int) []memo.Hit {
	terms := p.query(text)
	if len(terms) == 0 || p.alive == 0 {
		return nil
	}
	sc := scratches.Get().(*scratch)
	defer scratches.Put(sc)
	if cap(sc.scores) < len(p.docs) {
		sc.scores = make([]float32, len(p.docs)+len(p.docs)/4)
	}
	scores := sc.scores[:len(p.docs)]
	touched := sc.touched[:0]
	norms := p.norms()
	for _, list := range terms {
		n := float64(len(list.docs))
		idf := float32(math.Log(1 + (max(float64(len(p.docs)), n)-n+0.5)/(n+0.5)))
		for i, d := range list.docs {
			if scores[d] == 0 {
				touched = append(touched, d)
			}
			tf := float32(list.counts[i])
			scores[d] += idf * tf / (tf + norms[p.docs[d].length])
		}
	}
	top := best{limit: limit}
	for _, d := range touched {
		top.offer(s, scoredDoc{d, scores[d]})
		scores[d] = 0
	}
	sc.touched = touched
	return top.hits(p)
}

// norms returns k1 (1 - b + b len/avg) for every length that occurs.
func (p *part) norms() []float32 {
	average := max(float64(p.length)/float64(p.alive), 1)
	out := make([]float32, p.longest+1)
	for n := range out {
		out[n] = float32(k1 * (1 - b + b*float64(n)/average))
	}
	return out
}

// query returns the postings of a query's terms, each term once. The query is
// read in every language that the project has, as its own few words seldom tell.
func (p *part) query(text string) []*postings {
	var languages []lexical.Language
	own := lexical.Detect(text)
	for lang, n := range p.languages {
		if n > 0 && (lang == own || float64(n) >= languageShare*float64(p.alive)) {
			languages = append(languages, lang)
		}
	}
	slices.Sort(languages)
	var analyzer lexical.Analyzer
	var out []*postings
	seen := map[string]bool{}
	for _, lang := range languages {
		for _, t := range analyzer.Terms(text, lang) {
			if list := p.terms[t]; list != nil && !seen[t] {
				seen[t] = true
				out = append(out, list)
			}
		}
	}
	return out
}
