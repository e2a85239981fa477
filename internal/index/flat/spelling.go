package flat

import (
	"cmp"
	"math/bits"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"kvasir/internal/lexical"
)

// Words that nobody wrote as the query does are looked for among those of the
// project that differ by a slip: a letter too many, too few, another, or two
// swapped. For that, a segment keeps the spelling of the terms that are words.
const (
	minLikeable = 3  // letters of a word that may be meant
	maxLikeable = 32 // bytes
	// slipFrom and twoSlipsFrom are how many letters a term has in which one or two
	// slips are allowed. Terms are stems, a letter or two shorter than words.
	slipFrom     = 4
	twoSlipsFrom = 7
	// slipDiscount is what a slip leaves of a term's weight.
	slipDiscount = 0.5
	// maxMeant is how many words may be meant by one, and maxMistaken how many words
	// of a query are looked for.
	maxMeant    = 3
	maxMistaken = 4
)

// likeable reports whether a term is a word that may be meant by another: letters
// only.
func likeable(term string) bool {
	if len(term) < minLikeable || len(term) > maxLikeable {
		return false
	}
	n := 0
	for _, r := range term {
		if r < utf8.RuneSelf && (r < 'a' || 'z' < r) || r >= utf8.RuneSelf && !unicode.IsLetter(r) && !unicode.IsMark(r) {
			return false
		}
		n++
	}
	return n >= minLikeable
}

// A mistaken is a word of a query that the project does not have, and what may be
// meant by it.
type mistaken struct {
	text  []rune
	width int // bytes of a letter, at most
	bytes int
	mask  uint64
	slips int            // allowed
	meant map[string]int // and the slips from each
}

// mistake returns what to look for, false for a term too short or too strange.
func mistake(term string) (mistaken, bool) {
	m := mistaken{text: []rune(term), width: 1, bytes: len(term), mask: lettersOf(term), meant: map[string]int{}}
	if !likeable(term) || len(m.text) < slipFrom {
		return m, false
	}
	m.slips = 1
	if len(m.text) >= twoSlipsFrom {
		m.slips = 2
	}
	if len(m.text) < len(term) {
		m.width = utf8.UTFMax
	}
	return m, true
}

// lettersOf returns a bit for each letter of a word, or two letters for one bit.
func lettersOf[T string | []byte](word T) (mask uint64) {
	for i := range len(word) {
		mask |= 1 << (word[i] & 63)
	}
	return mask
}

// look goes through the words of a dictionary for what may be meant.
func (m *mistaken) look(words []byte) {
	reach := m.slips * m.width
	for i := 0; i < len(words); {
		n := int(words[i])
		word := words[i+1 : i+1+n]
		i += 1 + n
		// A slip changes two letters at most.
		if n < m.bytes-reach || n > m.bytes+reach || bits.OnesCount64(m.mask^lettersOf(word)) > 2*reach {
			continue
		}
		if d := slips(m.text, []rune(string(word)), m.slips); d <= m.slips {
			m.meant[string(word)] = d
		}
	}
}

// nearest returns the words with the fewest slips.
func (m *mistaken) nearest() []string {
	var out []string
	for word, d := range m.meant {
		if d <= m.slips {
			if d < m.slips {
				out, m.slips = out[:0], d
			}
			out = append(out, word)
		}
	}
	slices.Sort(out)
	return out
}

// slips returns the distance of two words by Damerau and Levenshtein, in which no
// letter is changed twice, or more than most.
func slips(a, b []rune, most int) int {
	if len(a)-len(b) > most || len(b)-len(a) > most || len(a) > maxLikeable || len(b) > maxLikeable {
		return most + 1
	}
	var rows [3][maxLikeable + 1]int
	before, last, row := &rows[0], &rows[1], &rows[2]
	for j := range len(b) + 1 {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		least := i
		for j := 1; j <= len(b); j++ {
			d := last[j-1]
			if a[i-1] != b[j-1] {
				d = 1 + min(d, last[j], row[j-1])
				if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
					d = min(d, before[j-2]+1)
				}
			}
			row[j] = d
			least = min(least, d)
		}
		if least > most {
			return most + 1
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}

// meant returns the terms that stand for those of a query that no document has,
// most frequent first, and is quick if there are none.
func (s *snapshot) meant(r *wordReader, terms []queryTerm, known map[int]bool, block *block) []queryTerm {
	var wrong []mistaken
	var of []*queryTerm
	for i := range terms {
		t := &terms[i]
		if known[t.at] || t.kind != lexical.Word || len(wrong) == maxMistaken {
			continue
		}
		if m, ok := mistake(t.text); ok {
			known[t.at] = true // its readings in other languages are not looked for
			wrong, of = append(wrong, m), append(of, t)
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	for _, v := range s.views {
		for i := range wrong {
			wrong[i].look(v.terms.words)
		}
	}
	var out []queryTerm
	for i := range wrong {
		out = append(out, s.bestMeant(r, &wrong[i], of[i], block)...)
	}
	return out
}

// bestMeant returns the most frequent of the nearest words.
func (s *snapshot) bestMeant(r *wordReader, m *mistaken, t *queryTerm, block *block) []queryTerm {
	var out []queryTerm
	for _, word := range m.nearest() {
		q := queryTerm{hash: r.hash(word), text: word, at: t.at, times: t.times}
		if s.weigh(&q, block); q.docs > 0 {
			for range m.slips {
				q.weight *= slipDiscount
			}
			out = append(out, q)
		}
	}
	slices.SortStableFunc(out, func(a, b queryTerm) int {
		return cmp.Or(cmp.Compare(b.docs, a.docs), strings.Compare(a.text, b.text))
	})
	return out[:min(maxMeant, len(out))]
}
