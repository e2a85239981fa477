package extract

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"kvasir/internal/lexical"
	"kvasir/internal/llm"
)

// The weights are measured on every fifth question of XQuAD in German and
// Chinese, with 25 passages each by BM25, and on fifty questions over our own
// documentation. Two thirds of the former have the answer quoted, one in ten
// something else; without the passage that answers nine in ten are refused, and
// without its whole article 98 of 100.
const (
	// enough is the share of the question's weight that a sentence must cover with
	// all that it is about, and enoughItself the share by its own words.
	enough       = 0.5
	enoughItself = 0.25

	kinWeight     = 0.7  // what a form or part of a wanted word counts
	pairWeight    = 0.3  // a pair of characters of which one is in a wanted pair
	aboutWeight   = 0.6  // a word of the title, the heading or the sentence before
	passageWeight = 0.35 // a word from elsewhere in the passage
	unseenWeight  = 0.7  // how much a word of the question counts that no passage has
	unseenName    = 1.5  // and how much a name

	// A number is a better answer to "how many" than none, a line of code to "how
	// do I", a sentence that begins with its subject to "what is". Else a line of
	// code or a table row says less than prose.
	numberless = 0.8
	definesIt  = 1.1
	terse      = 0.85

	rankWeight = 0.01 // what each place further down the passages costs
	goodLength = 40   // terms beyond which a unit says too much at once

	near  = 0.8 // how much worse than the best a quotation may be, as a share
	alike = 0.6 // the share of common terms from which two units say the same
	most  = 4   // quotations in an answer
)

// A candidate is a unit with its terms and score.
type candidate struct {
	unit
	order   int
	subject []string // its first terms
	terms   map[string]bool
	about   map[string]bool // of what it is about
	passage map[string]bool // of all of its passage
	length  int
	score   float64
}

// choose returns the units to quote, in the order of the passages.
func choose(text string, documents []llm.Document) []unit {
	lang := language(text, documents)
	var analyzer lexical.Analyzer
	q := ask(&analyzer, text, lang)
	all := read(&analyzer, documents, lang)
	if len(q.terms) == 0 || len(all) == 0 {
		return nil
	}
	q.weigh(all)
	chosen := best(q, text, all)
	if q.kind == procedure {
		chosen = withCode(chosen, all)
	}
	slices.SortFunc(chosen, func(a, b candidate) int { return cmp.Compare(a.order, b.order) })
	out := make([]unit, len(chosen))
	for i, c := range chosen {
		out[i] = c.unit
	}
	return out
}

// best returns the candidates that answer the question about as well as the best
// of them, each thing said once.
func best(q question, text string, all []candidate) []candidate {
	var fit []candidate
	for _, c := range all {
		if c.score = q.score(c); c.score > 0 && !asks(c.text, text) {
			fit = append(fit, c)
		}
	}
	slices.SortStableFunc(fit, func(a, b candidate) int { return cmp.Compare(b.score, a.score) })
	var chosen []candidate
	for _, c := range fit {
		if len(chosen) == most || c.score < near*fit[0].score {
			break
		}
		if !slices.ContainsFunc(chosen, func(have candidate) bool { return same(have, c) }) {
			chosen = append(chosen, c)
		}
	}
	return chosen
}

// withCode adds the lines of code beside a chosen sentence: they are what is to be
// done.
func withCode(chosen, all []candidate) []candidate {
	taken := map[int]bool{}
	for _, c := range chosen {
		taken[c.order] = true
	}
	for _, c := range slices.Clone(chosen) {
		for _, step := range []int{-1, 1} {
			for i := c.order + step; i >= 0 && i < len(all) && len(chosen) < most; i += step {
				if all[i].form != code || all[i].number != c.number || taken[i] {
					break
				}
				taken[i] = true
				chosen = append(chosen, all[i])
			}
		}
	}
	return chosen
}

// asks reports whether a unit asks, by its mark or as the question does: that is
// no answer. A question without a mark may be a statement to look for.
func asks(text, question string) bool {
	if strings.HasSuffix(text, "?") || strings.HasSuffix(text, "？") {
		return true
	}
	asked, isQuestion := strings.CutSuffix(strings.TrimSpace(question), "?")
	return isQuestion && strings.Contains(strings.ToLower(text), strings.ToLower(strings.TrimSpace(asked)))
}

// language returns the question's language, or, as questions are short, that of
// the passages.
func language(question string, documents []llm.Document) lexical.Language {
	if lang := lexical.Detect(question); lang != lexical.Unknown {
		return lang
	}
	var b strings.Builder
	for _, d := range documents {
		b.WriteByte('\n')
		b.WriteString(d.Text)
		if b.Len() > 4000 {
			break
		}
	}
	if lang := lexical.Detect(b.String()); lang != lexical.Unknown {
		return lang
	}
	return lexical.English
}

// read returns all units with their terms.
func read(analyzer *lexical.Analyzer, documents []llm.Document, lang lexical.Language) []candidate {
	var all []candidate
	for _, d := range documents {
		passage := setOf(analyzer.Terms(d.Title+"\n"+d.Text, lang))
		for _, u := range units(d) {
			about := setOf(analyzer.Terms(u.about, lang))
			terms := analyzer.Terms(u.text, lang)
			all = append(all, candidate{
				unit: u, order: len(all), subject: slices.Clone(terms[:min(len(terms), 2)]), terms: setOf(terms),
				about: about, passage: passage, length: len(terms),
			})
		}
	}
	return all
}

func setOf(terms []string) map[string]bool {
	out := make(map[string]bool, len(terms))
	for _, t := range terms {
		out[t] = true
	}
	return out
}

// numeric finds a number that stands by itself, unlike those in MiniLM-L6.
var numeric = regexp.MustCompile(`(?:^|[\s(~≈<>=$€£|]|\p{Han})[+-]?\p{Nd}`)

// score tells how well a unit answers, 0 if it does not.
func (q question) score(c candidate) float64 {
	itself, together := q.cover(c)
	if c.form == row || c.form == code && q.kind != procedure {
		together *= terse
	}
	switch {
	case q.kind == number && !numeric.MatchString(c.text):
		together *= numberless
	case q.kind == definition && q.isAbout(c.subject):
		together *= definesIt
	}
	if itself < enoughItself || together < enough {
		return 0
	}
	if over := c.length - goodLength; over > 0 {
		together /= 1 + float64(over)/goodLength
	}
	return together - rankWeight*float64(c.number-1)
}

// cover returns the share of the question that a unit covers by its own words,
// and together with what is around it.
func (q question) cover(c candidate) (itself, together float64) {
	for _, w := range q.terms {
		own, around := 0.0, 0.0
		switch {
		case c.terms[w.text]:
			own = 1
		case slices.ContainsFunc(w.kin, func(t string) bool { return c.terms[t] }):
			own = w.like
		}
		switch {
		case c.about[w.text]:
			around = aboutWeight
		case c.passage[w.text]:
			around = passageWeight
		}
		itself += own * w.weight
		together += max(own, around) * w.weight
	}
	return itself, together
}

// isAbout reports whether the question names one of these terms.
func (q question) isAbout(subject []string) bool {
	return slices.ContainsFunc(q.terms, func(w wanted) bool { return slices.Contains(subject, w.text) })
}

// same reports whether two units say the same.
func same(a, b candidate) bool {
	common := 0
	for t := range a.terms {
		if b.terms[t] {
			common++
		}
	}
	return float64(common) >= alike*float64(min(len(a.terms), len(b.terms)))
}
