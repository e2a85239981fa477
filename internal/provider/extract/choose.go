package extract

import (
	"cmp"
	"slices"
	"strings"

	"kvasir/internal/lexical"
	"kvasir/internal/llm"
)

// The weights are chosen on half of the questions of XQuAD in German and Chinese,
// with the 25 passages that are found for each; see doc/retrieval.md. All of them are
// in the middle of a plateau.
const (
	// enough is the share of the question's weight that a unit must cover with all
	// that it is about, and enoughItself the share by its own words.
	enough       = 0.42
	enoughItself = 0.2

	kinWeight     = 0.7  // what a form or part of a wanted word counts
	pairWeight    = 0.3  // a pair of characters of which one is in a wanted pair
	aboutWeight   = 0.7  // a word of the title, the heading or the sentence before
	passageWeight = 0.35 // a word from elsewhere in the passage
	unseenWord    = 0.4  // how much a word of the question counts that no passage has
	unseenPair    = 0.2  // a pair of characters, of which each character has two
	unseenName    = 1.5  // a name or a code

	terse = 0.85 // a line of code or a row of a table says less than a sentence
	long  = 3    // times the usual length, beyond which a unit says too much at once

	// The passages are best first, for more reasons than the words in them: each
	// place further down costs rankWeight, up to rankPlaces.
	rankWeight = 0.05
	rankPlaces = 4

	near  = 0.8  // how much worse than the best a quotation may be, as a share
	alike = 0.6  // the share of common terms from which two units say the same
	leans = 0.25 // the share of the question that only the sentence before covers

	most   = 3 // sentences in an answer
	listed = 6 // lines and items that a sentence may introduce
)

// A candidate is a unit with its terms and score.
type candidate struct {
	unit
	order   int
	terms   map[string]bool
	about   map[string]bool // of what it is about
	passage map[string]bool // of all of its passage
	length  float64         // in terms, as a multiple of the mean
	score   float64
}

// choose returns the units to quote: those of one passage together and in its
// order, the passage that has the best one first.
func choose(text string, documents []llm.Document) []unit {
	lang := language(text, documents)
	var analyzer lexical.Analyzer
	q := ask(&analyzer, text, lang)
	all := read(&analyzer, documents, lang)
	if len(q.terms) == 0 || len(all) == 0 {
		return nil
	}
	q.weigh(all)
	chosen := q.best(text, all)
	var out []unit
	for len(chosen) > 0 {
		number := chosen[0].number
		elsewhere := func(c candidate) bool { return c.number != number }
		together := slices.DeleteFunc(slices.Clone(chosen), elsewhere)
		chosen = slices.DeleteFunc(chosen, func(c candidate) bool { return !elsewhere(c) })
		slices.SortFunc(together, func(a, b candidate) int { return cmp.Compare(a.order, b.order) })
		for _, c := range together {
			out = append(out, c.unit)
		}
	}
	return out
}

// best returns the candidates that answer the question about as well as the best
// of them, best first, each thing said once.
func (q question) best(text string, all []candidate) []candidate {
	var fit []candidate
	for _, c := range all {
		if c.score = q.score(c); c.score > 0 && !asks(c.text, text) {
			fit = append(fit, c)
		}
	}
	slices.SortStableFunc(fit, func(a, b candidate) int { return cmp.Compare(b.score, a.score) })
	var chosen []candidate
	for _, c := range fit {
		if len(chosen) >= most || c.score < near*fit[0].score {
			break
		}
		if slices.ContainsFunc(chosen, func(have candidate) bool { return same(have, c) }) {
			continue
		}
		chosen = append(chosen, c)
		if before, ok := q.leansOn(c, all); ok && len(chosen) < most && !has(chosen, before) {
			chosen = append(chosen, before)
		}
		chosen = append(chosen, introduced(c, all, chosen)...)
	}
	return chosen
}

// leansOn returns the sentence before a chosen one if that names what this one
// speaks of.
func (q question) leansOn(c candidate, all []candidate) (candidate, bool) {
	if c.order == 0 || c.form != sentence {
		return candidate{}, false
	}
	before := all[c.order-1]
	if before.number != c.number || before.form != sentence || !strings.HasSuffix(c.unit.about, before.text) {
		return candidate{}, false
	}
	share := 0.0
	for _, w := range q.terms {
		if before.terms[w.text] && !c.terms[w.text] {
			share += w.weight
		}
	}
	return before, share >= leans
}

// introduced returns the lines of code, or the items, that follow a sentence which
// ends in a colon: they are what it says.
func introduced(c candidate, all, chosen []candidate) (lines []candidate) {
	if c.form == code || c.form == row || !strings.HasSuffix(c.text, ":") && !strings.HasSuffix(c.text, "：") {
		return nil
	}
	for i := c.order + 1; i < len(all) && len(lines) < listed; i++ {
		next := all[i]
		if next.number != c.number || next.form != code && next.form != item || next.form != all[c.order+1].form {
			break
		}
		if !has(chosen, next) {
			lines = append(lines, next)
		}
	}
	return lines
}

func has(chosen []candidate, c candidate) bool {
	return slices.ContainsFunc(chosen, func(have candidate) bool { return have.order == c.order })
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
	total := 0
	for _, d := range documents {
		passage := setOf(analyzer.Terms(d.Title+"\n"+d.Text, lang))
		for _, u := range units(d) {
			about := setOf(analyzer.Terms(u.about, lang))
			terms := analyzer.Terms(u.text, lang)
			total += len(terms)
			all = append(all, candidate{
				unit: u, order: len(all), terms: setOf(terms), about: about, passage: passage, length: float64(len(terms)),
			})
		}
	}
	for i := range all {
		all[i].length *= float64(len(all)) / float64(max(total, 1))
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

// score tells how well a unit answers, 0 if it does not.
func (q question) score(c candidate) float64 {
	itself, together := q.cover(c)
	if c.form == row || c.form == code {
		together *= terse
	}
	if c.length > long {
		together *= long / c.length
	}
	together -= rankWeight * float64(min(c.number-1, rankPlaces))
	if itself < enoughItself || together < enough {
		return 0
	}
	return together
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
