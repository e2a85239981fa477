package ground

import (
	"cmp"
	"math"
	"slices"

	"kvasir/internal/lexical"
)

// How much of a claim's weight must be in what it cites.
const (
	// enough is the share from which words alone support a claim. Of a script without
	// spaces it is less by unevenPairs: where words meet, there are pairs by chance.
	enough      = 0.5
	unevenPairs = 0.15
	// little is the share below which nothing does.
	little = 0.3
	// meant is the likeness to the best sentences from which a claim between the two says
	// the same in other words.
	meant = 0.6
	// askedWeight is how much a word of the question counts in a claim: it tells what is
	// meant, but not what is claimed.
	askedWeight = 0.25
	// windowPieces is how many sentences in a row support a claim together.
	windowPieces = 3
)

// A window is some pieces of a passage in a row.
type window struct {
	*evidence
	first, end int // pieces
	share      float64
}

// bounds returns where the window is in the passage's content.
func (w *window) bounds() (start, end int) {
	return w.pieces[w.first].start, w.pieces[w.end-1].end
}

func (w *window) text() string {
	start, end := w.bounds()
	return w.passage.Content[start:end]
}

// lang is the language of the window, or, if it is too short to tell, of the passage.
func (w *window) lang() lexical.Language { return cmp.Or(lexical.Detect(w.text()), w.evidence.lang) }

// has reports whether the window, or what stands above the passage, has a token.
func (w *window) has(t *token) bool {
	for i := w.first; i < w.end; i++ {
		if has(w.pieces[i].keys, t) {
			return true
		}
	}
	return has(w.around, t)
}

// tokens returns those of the pieces.
func (w *window) tokens() []token {
	var out []token
	for i := w.first; i < w.end; i++ {
		out = append(out, w.pieces[i].tokens...)
	}
	return out
}

// A reading is a claim as it is compared with passages of one language.
type reading struct {
	tokens  []token
	weights []float64 // less for words of the question
	total   float64
	asked   *question
}

// A question is what an answer is for, read in a language.
type question struct {
	keys   keys
	weight float64
}

func newQuestion(tokens []token) *question {
	q := &question{keys: keysOf(tokens)}
	for i := range tokens {
		q.weight += tokens[i].weight()
	}
	return q
}

// newReading weighs the tokens of a claim. Each counts once.
func newReading(tokens []token, asked *question) *reading {
	r := &reading{tokens: tokens, weights: make([]float64, len(tokens)), asked: asked}
	seen := map[string]bool{}
	for i := range tokens {
		t := &tokens[i]
		w := t.weight()
		if has(asked.keys, t) {
			w *= askedWeight
		}
		if seen[t.key+t.pair] {
			w = 0
		}
		seen[t.key+t.pair] = true
		r.weights[i] = w
		r.total += w
	}
	return r
}

// enough is the share of the weight that supports the claim.
func (r *reading) enough() float64 {
	signs := 0.0
	for i := range r.tokens {
		if r.tokens[i].kind == sign {
			signs += r.weights[i]
		}
	}
	return enough - unevenPairs*signs/max(r.total, 1)
}

// share returns how much of the claim's weight has tokens that are said.
func (r *reading) share(says func(*token) bool) float64 {
	if r.total == 0 {
		return 0
	}
	sum := 0.0
	for i := range r.tokens {
		if r.weights[i] > 0 && says(&r.tokens[i]) {
			sum += r.weights[i]
		}
	}
	return sum / r.total
}

// best returns the window of a passage that says most of a claim: the shortest of those
// that say about as much.
func (r *reading) best(e *evidence) *window {
	const price = 0.04 // of a further sentence
	var best *window
	most := math.Inf(-1)
	for first := range e.pieces {
		for end := first + 1; end <= min(first+windowPieces, len(e.pieces)); end++ {
			w := window{evidence: e, first: first, end: end}
			w.share = r.share(w.has)
			if value := w.share - price*float64(end-first-1); value > most {
				best, most = &w, value
			}
		}
	}
	return best
}

// contradicted reports whether a claim says what the windows rule out: a number or a
// name that nothing has, a number of something else, or the opposite.
func (r *reading) contradicted(windows []*window) bool {
	anywhere := func(t *token) bool {
		return has(r.asked.keys, t) || slices.ContainsFunc(windows, func(w *window) bool { return w.says(t) })
	}
	for i := range r.tokens {
		t := &r.tokens[i]
		switch {
		case t.faint || anywhere(t):
		case t.kind == number && !isSmall(t.key):
			return true
		case t.kind == name && !slices.ContainsFunc(windows, func(w *window) bool { return w.resembles(t) }):
			return true
		}
		if t.kind == number && r.misplaced(i, windows) {
			return true
		}
	}
	best := slices.MaxFunc(windows, func(a, b *window) int { return cmp.Compare(a.share, b.share) })
	return r.invented(anywhere) || r.opposite(best) || r.replaced(best, anywhere) || r.elsewhere(windows)
}

// invented reports whether a clause of the claim, so many telling tokens in a row, stands
// nowhere. What comes first may be only words that lead to the answer.
func (r *reading) invented(known func(*token) bool) bool {
	const clause = 3 // by weight
	run, begun := 0.0, false
	for i := range r.tokens {
		t := &r.tokens[i]
		switch w := t.weight(); {
		case w == 0:
		case known(t):
			run, begun = 0, true
		case begun && t.kind != sign:
			if run += w; run >= clause {
				return true
			}
		}
	}
	return false
}

// isSmall reports whether a number is up to 12: it may be written as a word.
func isSmall(number string) bool {
	return len(number) == 1 || len(number) == 2 && number <= "12" && number[0] == '1'
}

// isYear reports whether a number may be one: years stand far from what they belong to.
func isYear(number string) bool { return len(number) == 4 && number >= "1000" && number < "2100" }

// misplaced reports whether a number counts something else in the passages: what
// follows it in the claim is never near this number there, but elsewhere, or nowhere
// while it always counts something.
func (r *reading) misplaced(i int, windows []*window) bool {
	const reach = 4 // tokens
	if i+1 >= len(r.tokens) || isYear(r.tokens[i].key) {
		return false
	}
	t, unit := &r.tokens[i], &r.tokens[i+1]
	if unit.faint || unit.kind != word {
		return false
	}
	number, thing, counts := false, false, true
	for _, w := range windows {
		for _, p := range w.pieces {
			for k := range p.tokens {
				switch p.tokens[k].key {
				case unit.key:
					thing = true
				case t.key:
					number = true
					counts = counts && k+1 < len(p.tokens) && p.tokens[k+1].kind == word && !p.tokens[k+1].faint &&
						!r.speaks(&p.tokens[k+1])
					near := p.tokens[max(k-reach, 0):min(k+reach+1, len(p.tokens))]
					if slices.ContainsFunc(near, func(o token) bool { return o.key == unit.key }) {
						return false
					}
				}
			}
		}
	}
	return number && (thing || counts && !has(r.asked.keys, unit))
}

// opposite reports whether the claim denies what the window says, or says what it
// denies, in about the same words.
func (r *reading) opposite(w *window) bool {
	if w.share < r.enough() {
		return false
	}
	said := w.tokens()
	return denied(r.tokens, said) || denied(said, r.tokens)
}

// denied reports whether one text denies what the other says: the telling words about
// a negation in it are in the other, and no negation is about them there.
func denied(one, other []token) bool {
	return slices.ContainsFunc(places(one, func(t *token) bool { return t.negate }), func(at int) bool {
		after, before := 0, 0
		for _, i := range tellingAround(one, at) {
			found := slices.IndexFunc(other, func(o token) bool { return o.key == one[i].key && o.pair == one[i].pair })
			switch {
			case found < 0:
			case negatedNear(other, found):
				return false
			case i > at:
				after++
			default:
				before++
			}
		}
		return after > 0 && after+before > 1
	})
}

func places(tokens []token, is func(*token) bool) []int {
	var out []int
	for i := range tokens {
		if is(&tokens[i]) {
			out = append(out, i)
		}
	}
	return out
}

// tellingAround returns the places of the next telling tokens on both sides of one.
func tellingAround(tokens []token, at int) []int {
	const reach, many = 5, 2
	var out []int
	for i := at + 1; i < len(tokens) && i <= at+reach && len(out) < many; i++ {
		if tokens[i].weight() > 0 && !tokens[i].negate {
			out = append(out, i)
		}
	}
	for i, n := at-1, 0; i >= 0 && i >= at-reach && n < many; i-- {
		if tokens[i].weight() > 0 {
			out = append(out, i)
			n++
		}
	}
	return out
}

func negatedNear(tokens []token, at int) bool {
	const reach = 6
	return slices.ContainsFunc(tokens[max(at-reach, 0):min(at+reach+1, len(tokens))], func(t token) bool { return t.negate })
}

// elsewhere reports whether what a claim answers stands where the question is not spoken
// of, while the question is spoken of somewhere else.
func (r *reading) elsewhere(windows []*window) bool {
	const (
		spoken = 0.5  // of the question's words in one sentence
		apart  = 0.34 // of that, where the answer stands
	)
	most, there := 0.0, 0.0
	for _, w := range windows {
		for i := range w.pieces {
			p := &w.pieces[i]
			about, total, news := 0.0, 0.0, false
			for k := range r.tokens {
				t := &r.tokens[k]
				switch {
				case t.weight() == 0:
				case has(r.asked.keys, t):
					total += t.weight()
					if has(p.keys, t) {
						about += t.weight()
					}
				case has(p.keys, t):
					news = true
				}
			}
			if total == 0 {
				return false
			}
			most = max(most, about/total)
			if news {
				there = max(there, about/total)
			}
		}
	}
	return most >= spoken && there < apart*most
}

// answers reports whether a claim says the question again with an answer that stands in a
// window: words that only join the two need not stand there.
func (r *reading) answers(windows []*window) bool {
	const (
		again  = 0.6 // of the question's weight
		answer = 0.2 // of what else the claim says
	)
	restated := 0.0
	seen := map[string]bool{}
	for i := range r.tokens {
		if t := &r.tokens[i]; has(r.asked.keys, t) && !seen[t.key+t.pair] {
			seen[t.key+t.pair] = true
			restated += t.weight()
		}
	}
	if restated == 0 || restated < again*r.asked.weight {
		return false
	}
	return slices.ContainsFunc(windows, func(w *window) bool {
		total, found := 0.0, 0.0
		for i := range r.tokens {
			if t := &r.tokens[i]; !has(r.asked.keys, t) {
				total += r.weights[i]
				if w.has(t) {
					found += r.weights[i]
				}
			}
		}
		return total > 0 && found >= answer*total
	})
}

// framed reports whether a claim is a few words like "the answer is" and then nothing but
// what stands in a window.
func (r *reading) framed(windows []*window) bool {
	const frame = 2 // by weight
	said := telling(r.tokens)
	return slices.ContainsFunc(windows, func(w *window) bool {
		i, before := 0, 0.0
		for i < len(said) && !w.has(&said[i]) {
			before += said[i].weight()
			i++
		}
		return before <= frame && i < len(said) &&
			!slices.ContainsFunc(said[i:], func(t token) bool { return !w.has(&t) })
	})
}
