package extract

import (
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"kvasir/internal/lexical"
)

// A question is what an answer is measured by.
type question struct {
	terms []wanted
}

// A wanted term is one that an answer would have.
type wanted struct {
	text   string
	name   bool     // it is written as a name: no other word stands for it
	weight float64  // its share of the question; all together are 1
	kin    []string // terms of the passages that are likely forms or parts of it
	like   float64  // what one of these counts
}

// ask reads a question.
func ask(analyzer *lexical.Analyzer, text string, lang lexical.Language) question {
	var q question
	terms := slices.Clone(analyzer.Terms(text, lang))
	slices.Sort(terms)
	names := setOf(analyzer.Terms(namesIn(text, lang), lang))
	for _, t := range slices.Compact(terms) {
		q.terms = append(q.terms, wanted{text: t, name: names[t]})
	}
	return q
}

// namesIn returns the words of a question that are written as names or codes: with
// a capital though not the first, or with a digit. In German all nouns have one.
func namesIn(text string, lang lexical.Language) string {
	var names []string
	for i, w := range strings.Fields(text) {
		w = strings.TrimFunc(w, unicode.IsPunct)
		first, _ := utf8.DecodeRuneInString(w)
		if strings.ContainsFunc(w, func(r rune) bool { return r >= 0x2e80 }) {
			continue // no words stand apart here
		}
		if strings.ContainsAny(w, "0123456789_") || i > 0 && lang != lexical.German && unicode.IsUpper(first) {
			names = append(names, w)
		}
	}
	return strings.Join(names, " ")
}

// manyUnits is how many units are needed to tell how rare a word is. Fewer count as
// a part of so many.
const manyUnits = 100

// weigh gives each term its share of the question, by how rare it is among the
// units: log(1 + (N - n + 0.5) / (n + 0.5)), as in BM25. One that is nowhere may ask
// rather than tell, as "how" and "which" do, or be another word for what is there,
// and counts less. A name has no other word.
func (q *question) weigh(all []candidate) {
	vocabulary := map[string]bool{}
	for _, c := range all {
		for t := range c.terms {
			vocabulary[t] = true
		}
	}
	units := float64(max(len(all), manyUnits))
	var sum float64
	for i := range q.terms {
		w := &q.terms[i]
		w.like = kinWeight
		if !alphabetic(w.text) {
			w.like = pairWeight
		}
		for t := range vocabulary {
			if kindred(w.text, t) {
				w.kin = append(w.kin, t)
			}
		}
		n := 0.0
		for _, c := range all {
			if c.terms[w.text] || c.about[w.text] {
				n++
			}
		}
		w.weight = math.Log(1 + (units-n+0.5)/(n+0.5))
		if n == 0 {
			w.weight *= w.unseen()
		}
		sum += w.weight
	}
	for i := range q.terms {
		q.terms[i].weight /= sum
	}
}

// unseen is how much a term counts that is nowhere.
func (w *wanted) unseen() float64 {
	switch {
	case w.name:
		return unseenName
	case alphabetic(w.text):
		return unseenWord
	}
	return unseenPair
}

// kinLength is the bytes that kindred words share at least.
const kinLength = 5

// kindred reports whether two different terms are likely forms or parts of one
// word, as in languages that make words of words: one begins or ends the other, or
// most of both is the same beginning. Pairs of characters, which may be parts of
// two words, are if they share one.
func kindred(a, b string) bool {
	if pairs(a, b) {
		return a != b && strings.ContainsAny(a, b)
	}
	if a == b || min(len(a), len(b)) < kinLength || !alphabetic(a) || !alphabetic(b) {
		return false
	}
	if len(a) < len(b) {
		a, b = b, a
	}
	if strings.HasPrefix(a, b) || strings.HasSuffix(a, b) {
		return true
	}
	same := 0
	for same < len(b) && a[same] == b[same] {
		same++
	}
	return same >= kinLength && 10*same >= 7*len(a)
}

// pairs reports whether both terms are pairs of characters.
func pairs(a, b string) bool {
	return utf8.RuneCountInString(a) == 2 && utf8.RuneCountInString(b) == 2 && a[0] >= 0xe2 && b[0] >= 0xe2
}

// alphabetic reports whether a term is a word of an alphabet, not a number, a code
// or a pair of characters.
func alphabetic(term string) bool {
	r, _ := utf8.DecodeRuneInString(term)
	return unicode.IsLetter(r) && r < 0x2e80 && !strings.ContainsAny(term, "0123456789")
}
