package extract

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"kvasir/internal/lexical"
	"kvasir/internal/llm"
)

const (
	// enough is the share of the question's weight that a sentence must cover,
	// and enoughItself the share without its title and headings: measured on
	// questions over our own documentation, a third of them unanswerable.
	enough       = 0.6
	enoughItself = 0.3
	// near is how much worse than the best a sentence may be to be quoted, too.
	near = 0.75
	// alike is the share of common terms from which two sentences say the same.
	alike = 0.6
	// most is how many sentences are quoted.
	most = 4
	// aboutWeight is what a word in a title or heading counts.
	aboutWeight = 0.5
	// rankWeight is what each place further down the passages costs.
	rankWeight = 0.01
	// codeWeight is what a line of code or a table row counts beside prose.
	codeWeight = 0.85
	// goodLength is the length in terms beyond which a unit says too much at once.
	goodLength = 40
)

// asking are words of questions that answers seldom have.
var asking = words(`what which who whom whose when where why how do does did can could should would may might must
shall has have had i me my we us our you your he she his her its am been being about there any some many much get
gets tell explain describe list show give find happen happens mean means work works use used using one ones way
warum weshalb wovon woran womit wofür welche welcher welches wieviel wann woher wohin kann können soll darf gibt
long often far old big large
pourquoi comment quand combien quels quelles peut por qué cuándo cuánto puede porque quanto pode`)

func words(list string) map[string]bool {
	out := map[string]bool{}
	for w := range strings.FieldsSeq(list) {
		out[w] = true
	}
	return out
}

// A candidate is a unit with its terms and score.
type candidate struct {
	unit
	order  int
	terms  map[string]bool
	about  map[string]bool // the terms of what it is about
	length int
	score  float64
}

// choose returns the units to quote, in the order of the passages.
func choose(question string, documents []llm.Document) []unit {
	lang := language(question, documents)
	var analyzer lexical.Analyzer
	wanted := wantedTerms(&analyzer, question, lang)
	all := read(&analyzer, documents, lang)
	if len(wanted) == 0 || len(all) == 0 {
		return nil
	}
	weights := weigh(wanted, all)
	var fit []candidate
	for _, c := range all {
		if asks(c.text, question) {
			continue
		}
		if c.score = score(c, weights); c.score > 0 {
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
	slices.SortFunc(chosen, func(a, b candidate) int { return cmp.Compare(a.order, b.order) })
	out := make([]unit, len(chosen))
	for i, c := range chosen {
		out[i] = c.unit
	}
	return out
}

// asks reports whether a unit asks, by its mark or as the question does: that is
// no answer. A question without a mark may be a statement to look for.
func asks(text, question string) bool {
	if strings.HasSuffix(text, "?") {
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

// wantedTerms returns the terms of the question that an answer would have.
func wantedTerms(analyzer *lexical.Analyzer, question string, lang lexical.Language) []string {
	var kept []string
	for w := range strings.FieldsSeq(question) {
		if !asking[strings.ToLower(strings.Trim(w, `?!.,;:"'()`))] {
			kept = append(kept, w)
		}
	}
	terms := slices.Clone(analyzer.Terms(strings.Join(kept, " "), lang))
	slices.Sort(terms)
	return slices.Compact(terms)
}

// read returns all units with their terms.
func read(analyzer *lexical.Analyzer, documents []llm.Document, lang lexical.Language) []candidate {
	var all []candidate
	for _, d := range documents {
		for _, u := range units(d) {
			about := setOf(analyzer.Terms(u.about, lang))
			terms := analyzer.Terms(u.text, lang)
			all = append(all, candidate{
				unit: u, order: len(all), terms: setOf(terms), about: about, length: len(terms),
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

// weigh returns the share of the question that each of its terms is, by how rare
// it is among the units: log(1 + (N - n + 0.5) / (n + 0.5)), as in BM25.
func weigh(wanted []string, all []candidate) map[string]float64 {
	weights := make(map[string]float64, len(wanted))
	var sum float64
	for _, t := range wanted {
		n := 0.0
		for _, c := range all {
			if c.terms[t] || c.about[t] {
				n++
			}
		}
		weights[t] = math.Log(1 + (float64(len(all))-n+0.5)/(n+0.5))
		sum += weights[t]
	}
	for t := range weights {
		weights[t] /= sum
	}
	return weights
}

// score tells how well a unit answers, 0 if it does not.
func score(c candidate, weights map[string]float64) float64 {
	var itself, together float64
	for t, w := range weights {
		switch {
		case c.terms[t]:
			itself += w
			together += w
		case c.about[t]:
			together += aboutWeight * w
		}
	}
	if itself < enoughItself || together < enough {
		return 0
	}
	if over := c.length - goodLength; over > 0 {
		together /= 1 + float64(over)/goodLength
	}
	if c.code {
		together *= codeWeight
	}
	return together - rankWeight*float64(c.number-1)
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
