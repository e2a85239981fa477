package ground

import "slices"

// A claim that repeats a sentence but for a few words is held against it word by word: a
// name, a number or a thing in the place of another one makes it false, though most of
// its words stand in the passage.

const (
	// repeated is the share of a claim's weight that stands in the passage in the same
	// order, from which the rest is compared.
	repeated = 0.5
	// verbatim is that share from which something that the passage says elsewhere is in the
	// wrong place.
	verbatim = 0.7
	// inner and outer are how much of the passage, by weight, something in a claim may
	// replace, in the middle of what is repeated and at its ends.
	inner, outer = 8, 5
	// anchored is how much must be repeated before ends are compared.
	anchored = 4
	// mostCompared bounds the work: pairs of tokens.
	mostCompared = 1 << 17
)

// A gap is what stands between two tokens that a claim and a passage have in common.
type gap struct {
	claimed, said []token
	inner         bool // there is such a token on both sides
}

// replaced reports whether a claim says something else in the place of something in
// the window. What the passage says nowhere is something else; what it says elsewhere is
// so only in the middle of what is repeated.
func (r *reading) replaced(w *window, known func(*token) bool) bool {
	claimed, said := telling(r.tokens), telling(w.tokens())
	if len(claimed)*len(said) > mostCompared {
		return false // no sentences
	}
	gaps, common := align(claimed, said)
	if common < repeated*weightOf(claimed) {
		return false
	}
	moved := common >= verbatim*weightOf(claimed)
	for i, g := range gaps {
		said := slices.DeleteFunc(g.said, func(t token) bool { return r.speaks(&t) })
		most := float64(inner)
		if !g.inner {
			most = outer
		}
		frame := i == 0 && weightOf(g.claimed) < 2 // "the answer is …"
		if len(said) == 0 || weightOf(said) > most || frame || !g.inner && common < anchored {
			continue
		}
		named := slices.ContainsFunc(said, func(t token) bool { return t.strong() })
		if slices.ContainsFunc(g.claimed, func(t token) bool {
			fresh := !known(&t)
			return !has(r.asked.keys, &t) && (fresh && (named || t.strong()) || g.inner && moved && t.strong()) &&
				!slices.ContainsFunc(said, func(o token) bool { return near([]rune(t.key), []rune(o.key)) })
		}) {
			return true
		}
	}
	return false
}

// telling returns the tokens that tell something.
func telling(tokens []token) []token {
	return slices.DeleteFunc(slices.Clone(tokens), func(t token) bool { return t.weight() == 0 })
}

func weightOf(tokens []token) float64 {
	sum := 0.0
	for i := range tokens {
		sum += tokens[i].weight()
	}
	return sum
}

// strong reports whether a token names something: words in small letters may be
// exchanged for others that mean the same.
func (t *token) strong() bool {
	return t.weight() > 0 && (t.kind != word || t.tall)
}

// speaks reports whether the claim has a token anywhere.
func (r *reading) speaks(t *token) bool {
	return slices.ContainsFunc(r.tokens, func(o token) bool { return o.key == t.key && o.pair == t.pair })
}

// align finds the longest common run of tokens, by weight, gaps allowed, and returns
// the gaps and the weight of what is common.
func align(claimed, said []token) (gaps []gap, common float64) {
	n, m := len(claimed), len(said)
	best := make([]float64, (n+1)*(m+1)) // of the rests from i and j
	at := func(i, j int) *float64 { return &best[i*(m+1)+j] }
	same := func(i, j int) bool { return claimed[i].key == said[j].key && claimed[i].pair == said[j].pair }
	for i := n - 1; i >= 0; i-- {
		for j := m - 1; j >= 0; j-- {
			*at(i, j) = max(*at(i+1, j), *at(i, j+1))
			if same(i, j) {
				*at(i, j) = max(*at(i, j), *at(i+1, j+1)+claimed[i].weight())
			}
		}
	}
	fromI, fromJ, begun := 0, 0, false
	for i, j := 0, 0; ; {
		switch {
		case i == n || j == m:
			return append(gaps, gap{claimed: claimed[fromI:], said: slices.Clone(said[fromJ:])}), common
		case same(i, j) && *at(i, j) == *at(i+1, j+1)+claimed[i].weight():
			gaps = append(gaps, gap{claimed: claimed[fromI:i], said: slices.Clone(said[fromJ:j]), inner: begun})
			common += claimed[i].weight()
			i, j = i+1, j+1
			fromI, fromJ, begun = i, j, true
		case *at(i+1, j) >= *at(i, j+1):
			i++
		default:
			j++
		}
	}
}
