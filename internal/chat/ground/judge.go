package ground

import (
	"math"
	"slices"
)

// How much of a claim's weight must be in what it cites.
const (
	// enough is the share from which words alone support a claim.
	enough = 0.6
	// little is the share below which nothing does.
	little = 0.34
	// undecided is what is asked for between them where meanings cannot be compared.
	undecided = 0.45
	// meant is the cosine with the best sentences from which a claim between the two
	// says the same in other words.
	meant = 0.7
	// askedWeight is how much a word of the question counts in a claim: it tells what is
	// meant, but not what is claimed.
	askedWeight = 0.25
	// windowPieces is how many sentences in a row support a claim together.
	windowPieces = 3
	// smallNumber is up to where a number may be written as a word.
	smallNumber = 12
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

// has reports whether the window, or what stands above the passage, has a token.
func (w *window) has(t *token) bool {
	for i := w.first; i < w.end; i++ {
		if has(w.pieces[i].keys, t) {
			return true
		}
	}
	return has(w.around, t)
}

// A reading is a claim as it is compared with passages of one language.
type reading struct {
	tokens  []token
	weights []float64
	total   float64
}

// newReading weighs the tokens of a claim. Each counts once.
func newReading(tokens []token, asked map[string]bool) *reading {
	r := &reading{tokens: tokens, weights: make([]float64, len(tokens))}
	seen := map[string]bool{}
	for i := range tokens {
		t := &tokens[i]
		w := t.weight()
		if has(asked, t) {
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
func (r *reading) contradicted(windows []*window, asked map[string]bool) bool {
	anywhere := func(t *token) bool {
		return has(asked, t) || slices.ContainsFunc(windows, func(w *window) bool { return w.says(t) })
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
	return !slices.ContainsFunc(windows, func(w *window) bool { return !r.opposite(w) })
}

func isSmall(number string) bool {
	return len(number) == 1 || len(number) == 2 && number <= "12" && number[0] == '1'
}

// isYear reports whether a number may be one: years stand far from what they belong to.
func isYear(number string) bool { return len(number) == 4 && number >= "1000" && number < "2100" }

// misplaced reports whether a number counts something else in the passages: what
// follows it in the claim is there, but never near this number.
func (r *reading) misplaced(i int, windows []*window) bool {
	const reach = 4 // tokens
	if i+1 >= len(r.tokens) || isYear(r.tokens[i].key) {
		return false
	}
	t, unit := &r.tokens[i], &r.tokens[i+1]
	if unit.faint || unit.kind != word {
		return false
	}
	number, thing := false, false
	for _, w := range windows {
		for _, p := range w.pieces {
			for k := range p.tokens {
				switch p.tokens[k].key {
				case unit.key:
					thing = true
				case t.key:
					number = true
					near := p.tokens[max(k-reach, 0):min(k+reach+1, len(p.tokens))]
					if slices.ContainsFunc(near, func(o token) bool { return o.key == unit.key }) {
						return false
					}
				}
			}
		}
	}
	return number && thing
}

// opposite reports whether the claim denies what the window says, or says what it
// denies, in about the same words.
func (r *reading) opposite(w *window) bool {
	if w.share < enough {
		return false
	}
	var said []token
	for i := w.first; i < w.end; i++ {
		said = append(said, w.pieces[i].tokens...)
	}
	return denied(r.tokens, said) || denied(said, r.tokens)
}

// denied reports whether one text denies what the other says: the telling words about
// a negation in it are in the other, and no negation is about them there.
func denied(one, other []token) bool {
	for i := range one {
		if !one[i].negate {
			continue
		}
		about := tellingAbout(one, i)
		if len(about) < 2 {
			continue
		}
		missing, bare := false, true
		for _, t := range about {
			at := slices.IndexFunc(other, func(o token) bool { return o.key == t.key && o.pair == t.pair })
			if at < 0 {
				missing = true
				break
			}
			if negatedNear(other, at) {
				bare = false
			}
		}
		if !missing && bare {
			return true
		}
	}
	return false
}

// tellingAbout returns the nearest telling tokens on both sides of a place.
func tellingAbout(tokens []token, at int) []token {
	var out []token
	for i, n := at+1, 0; i < len(tokens) && n < 2 && i <= at+5; i++ {
		if tokens[i].weight() > 0 {
			out = append(out, tokens[i])
			n++
		}
	}
	for i := at - 1; i >= 0 && i >= at-4; i-- {
		if tokens[i].weight() > 0 {
			return append(out, tokens[i])
		}
	}
	return out
}

func negatedNear(tokens []token, at int) bool {
	const reach = 6
	return slices.ContainsFunc(tokens[max(at-reach, 0):min(at+reach+1, len(tokens))], func(t token) bool { return t.negate })
}
