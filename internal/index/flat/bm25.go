package flat

import (
	"cmp"
	"hash/maphash"
	"math"
	"slices"
	"strings"
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

// accumulators hold the scores of one segment's documents, to be used again.
type accumulators struct {
	scores []float32
	block  block
}

// reset makes n scores of zero.
func (a *accumulators) reset(n int) {
	if cap(a.scores) < n {
		a.scores = make([]float32, n)
	}
	a.scores = a.scores[:n]
	clear(a.scores)
}

// A queryTerm is a term of a query with its lists, one a view.
type queryTerm struct {
	hash   uint64
	text   string
	at     int // where its word begins
	kind   lexical.Kind
	other  bool // read in another language than the first
	times  int  // in the query
	docs   int  // that have it
	weight float32
	lists  []list
}

// lexical scores documents segment by segment, term by term:
// idf(t) * tf / (tf + k1 (1 - b + b len/avg)), times its occurrences in the query,
// with Lucene's idf, log(1 + (N - n + 0.5) / (n + 0.5)). The figures are those of
// living documents, so scores do not tell what was there before.
func (s *snapshot) lexical(sv *sieve, r *wordReader, terms []queryTerm, limit int, pool *sync.Pool) []memo.Hit {
	if s.stats.docs == 0 || limit <= 0 {
		return nil
	}
	average := max(float64(s.stats.length)/float64(s.stats.docs), 1)
	lengths := norm{base: k1 * (1 - b), slope: float32(k1 * b / average)}
	acc := pool.Get().(*accumulators)
	defer pool.Put(acc)
	terms, ceiling := s.choose(r, terms, &acc.block)
	slices.SortStableFunc(terms, func(a, b queryTerm) int { return cmp.Compare(b.weight, a.weight) })
	rest := make([]float32, len(terms)) // the most that a term and those after it can add
	for j := len(terms) - 1; j >= 0; j-- {
		rest[j] = terms[j].weight
		if j+1 < len(terms) {
			rest[j] += rest[j+1]
		}
	}
	best := top{limit: limit}
	for i, v := range s.views {
		acc.reset(len(v.docs))
		least, hit := best.least(), false
		for j := range terms {
			t := &terms[j]
			if hit = hit || t.lists[i].count > 0; rest[j] < least {
				acc.addToSome(t.lists[i], t.weight, v.lengths, lengths)
			} else {
				acc.add(t.lists[i], t.weight, v.lengths, lengths)
			}
		}
		if hit {
			best.offerAll(i, sv.pass(v), acc.scores)
		}
	}
	hits := best.hits(s)
	for i := range hits {
		hits[i].Share = hits[i].Score / ceiling
	}
	return hits
}

// A norm is the part of BM25's formula that depends on a document's length.
type norm struct{ base, slope float32 }

func (m norm) of(length uint16) float32 { return m.base + m.slope*float32(length) }

// add adds what a term contributes to the scores of a list's documents.
func (a *accumulators) add(l list, weight float32, lengths []uint16, m norm) {
	r := l.reader()
	for n := r.next(&a.block); n > 0; n = r.next(&a.block) {
		for i, doc := range a.block.docs[:n] {
			tf := float32(a.block.counts[i])
			a.scores[doc] += weight * tf / (tf + m.of(lengths[doc]))
		}
	}
}

// addToSome does so for documents that have a score already. The others have
// only words so frequent that these cannot bring them among the best.
func (a *accumulators) addToSome(l list, weight float32, lengths []uint16, m norm) {
	r := l.reader()
	for n := r.next(&a.block); n > 0; n = r.next(&a.block) {
		for i, doc := range a.block.docs[:n] {
			if a.scores[doc] > 0 {
				tf := float32(a.block.counts[i])
				a.scores[doc] += weight * tf / (tf + m.of(lengths[doc]))
			}
		}
	}
}

// weigh looks a term up in every view and sets its weight.
func (s *snapshot) weigh(t *queryTerm, block *block) {
	n := 0
	t.lists = make([]list, len(s.views))
	for i, v := range s.views {
		l := v.terms.find(t.hash)
		t.lists[i] = l
		if v.stats.docs == len(v.docs) {
			n += l.count
			continue
		}
		r := l.reader()
		for k := r.next(block); k > 0; k = r.next(block) {
			for _, doc := range block.docs[:k] {
				n += v.alive.bit(doc)
			}
		}
	}
	t.docs = n
	idf := math.Log(1 + (float64(s.stats.docs-n)+0.5)/(float64(n)+0.5))
	t.weight = float32(float64(t.times) * idf)
}

// choose weighs the terms of a query, and returns those that count and the score
// that no document has; one of nothing but the terms comes near. Words that the
// project does not have give way to those that may be meant; one is missing once, in
// however many languages it is read. Faint terms count if there is nothing else.
func (s *snapshot) choose(r *wordReader, terms []queryTerm, block *block) (chosen []queryTerm, ceiling float64) {
	take := func(t queryTerm) {
		chosen = append(chosen, t)
		ceiling += float64(t.weight)
	}
	known := map[int]bool{} // where words are that the project has
	for _, t := range terms {
		if t.kind != lexical.Faint {
			if s.weigh(&t, block); t.docs > 0 || t.kind == lexical.Word && !t.other {
				take(t)
			}
			known[t.at] = known[t.at] || t.docs > 0
		}
	}
	chosen = append(chosen, s.meant(r, chosen, known, block)...)
	if slices.ContainsFunc(chosen, func(t queryTerm) bool { return t.docs > 0 }) {
		return chosen, ceiling
	}
	for _, t := range terms {
		if t.kind == lexical.Faint {
			s.weigh(&t, block)
			take(t)
		}
	}
	return chosen, ceiling
}

// offerAll offers the documents of a view that have a score and pass. Those that come
// later must be better than those that are there.
func (t *top) offerAll(view int, pass bitset, scores []float32) {
	least := t.least()
	for n, score := range scores {
		if score > least && pass.has(uint32(n)) {
			t.offer(found{score: score, view: uint32(view), doc: uint32(n)})
			least = t.least()
		}
	}
}

// readIn returns the languages in which a query is read: its own first, if the
// project has it, and all that the project has some of, as the few words of a query
// seldom tell.
func (s *snapshot) readIn(text string) (own lexical.Language, languages []lexical.Language) {
	own = lexical.Detect(text)
	for lang, n := range s.stats.languages {
		if n > 0 && (lang == own || float64(n) >= languageShare*float64(s.stats.docs)) {
			languages = append(languages, lang)
		}
	}
	slices.Sort(languages)
	if i := slices.Index(languages, own); i > 0 {
		languages = append([]lexical.Language{own}, slices.Delete(languages, i, i+1)...)
	}
	return own, languages
}

// query returns the terms of a query in the order of their first occurrence. A
// term that comes out in several languages counts in the first. What is a stop
// word in the query's own language is no word of another.
func (r *wordReader) query(text string, own lexical.Language, languages []lexical.Language) []queryTerm {
	var out []queryTerm
	at := map[uint64]int{}
	stop := map[int]bool{}
	for k, lang := range languages {
		before := len(out)
		for _, t := range r.analyzer.Read(text, lang) {
			if lang == own && t.Kind == lexical.Faint {
				stop[t.At] = true
			}
			if t.Kind == lexical.Word && lang != own && stop[t.At] {
				continue
			}
			hash := r.hash(t.Text)
			i, seen := at[hash]
			switch {
			case !seen:
				at[hash] = len(out)
				out = append(out, queryTerm{
					hash: hash, text: strings.Clone(t.Text), at: t.At, kind: t.Kind, other: k > 0, times: 1,
				})
			case i >= before:
				out[i].times++
				out[i].kind = min(out[i].kind, t.Kind)
			}
		}
	}
	return out
}

func (r *wordReader) hash(term string) uint64 { return maphash.String(r.seed, term) }
