package rank

import (
	"hash/maphash"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// runLength is how many words follow each other in what is compared.
	runLength = 3
	// alike is the share of runs that two texts must have in common to say the same.
	alike = 0.8
	// telling is the length from which a word in small letters may be spelled or
	// chosen otherwise without changing what is said. Shorter ones are such as "not".
	telling = 6
)

// An Outline is what of a text is compared with others, to tell whether one
// repeats the other.
type Outline struct {
	words string // in lower case, each between spaces
	// fixed is a hash of what must be the same in the same order: numbers, names
	// and short words.
	fixed uint64
	asked []string // the words in it that were asked for, sorted
	count int      // of words

	seed maphash.Seed
	runs []uint64 // see shingles
}

// An Outliner makes outlines of texts to be compared with one another.
type Outliner struct {
	seed  maphash.Seed
	asked map[string]bool
}

// NewOutliner returns an outliner for the results of a query: texts that differ in
// a word of it are never taken for repetitions.
func NewOutliner(query string) *Outliner {
	o := &Outliner{seed: maphash.MakeSeed(), asked: map[string]bool{}}
	for word := range words(query) {
		o.asked[strings.ToLower(word)] = true
	}
	return o
}

// Outline reads a text. What stands around it, such as a title, counts only for
// the words that were asked for.
func (o *Outliner) Outline(text, around string) *Outline {
	out := &Outline{seed: o.seed}
	var b strings.Builder
	var fixed maphash.Hash
	fixed.SetSeed(o.seed)
	b.WriteByte(' ')
	for word := range words(text) {
		lower := strings.ToLower(word)
		b.WriteString(lower)
		b.WriteByte(' ')
		if matters(word) {
			fixed.WriteString(lower)
			fixed.WriteByte(' ')
		}
		if o.asked[lower] {
			out.asked = append(out.asked, lower)
		}
		out.count++
	}
	for word := range words(around) {
		if lower := strings.ToLower(word); o.asked[lower] {
			out.asked = append(out.asked, lower)
		}
	}
	slices.Sort(out.asked)
	out.words, out.fixed, out.asked = b.String(), fixed.Sum64(), slices.Compact(out.asked)
	return out
}

// shingles returns the runs of words that follow each other, sorted, none twice. Few
// texts come so close to another that they are needed.
func (a *Outline) shingles() []uint64 {
	if a.runs != nil || a.count < runLength {
		return a.runs
	}
	var recent [runLength]uint64
	n := 0
	for word := range strings.FieldsSeq(a.words) {
		copy(recent[:], recent[1:])
		recent[runLength-1] = maphash.String(a.seed, word)
		if n++; n >= runLength {
			a.runs = append(a.runs, maphash.Comparable(a.seed, recent))
		}
	}
	slices.Sort(a.runs)
	a.runs = slices.Compact(a.runs)
	return a.runs
}

// Words returns how many words the text has.
func (a *Outline) Words() int { return a.count }

// Repeats reports whether a says nothing that b does not say: it is a part of b,
// or differs from it in a few long words. Texts whose numbers, names or short
// words differ say different things, however alike they look; and a text with a
// word that was asked for, which b lacks, is no repetition.
func (a *Outline) Repeats(b *Outline) bool {
	if a.count == 0 {
		return false // signs only: who knows what they say
	}
	for _, word := range a.asked {
		if _, has := slices.BinarySearch(b.asked, word); !has {
			return false
		}
	}
	if len(a.words) <= len(b.words) && strings.Contains(b.words, a.words) {
		return true
	}
	return a.fixed == b.fixed && a.Resembles(b) >= alike
}

// Resembles returns the share of runs of words that two texts have in common,
// from 0 to 1.
func (a *Outline) Resembles(b *Outline) float64 {
	both := 0
	one, other := a.shingles(), b.shingles()
	for i, j := 0, 0; i < len(one) && j < len(other); {
		switch x, y := one[i], other[j]; {
		case x == y:
			both++
			i++
			j++
		case x < y:
			i++
		default:
			j++
		}
	}
	all := len(one) + len(other) - both
	if all == 0 {
		return 0
	}
	return float64(both) / float64(all)
}

// matters reports whether a word must be the same in texts that say the same: it
// has a digit or a capital, or is short. Scripts without small letters have short
// words only, as each of their characters is one.
func matters(word string) bool {
	if utf8.RuneCountInString(word) < telling {
		return true
	}
	return strings.ContainsFunc(word, func(r rune) bool { return unicode.IsDigit(r) || unicode.IsUpper(r) })
}

// words yields the words of a text. Characters of scripts that put no spaces
// between words are words of their own, and so are signs that change a number.
func words(text string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		start := -1
		for i, r := range text {
			alone, in := kindOf(r, text[i:])
			if !in && start >= 0 {
				if !yield(text[start:i]) {
					return
				}
				start = -1
			}
			switch {
			case alone:
				_, size := utf8.DecodeRuneInString(text[i:])
				if !yield(text[i : i+size]) {
					return
				}
			case in && start < 0:
				start = i
			}
		}
		if start >= 0 {
			yield(text[start:])
		}
	}
}

// kindOf tells whether the rune at the beginning of rest is a word of its own, or
// in one with others.
func kindOf(r rune, rest string) (alone, in bool) {
	switch {
	case 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9':
		return false, true
	case r < utf8.RuneSelf:
		return isSign(r, rest[1:]), false
	case unicode.In(r, unspaced...):
		return true, false
	case unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r):
		return false, true
	}
	return isSign(r, ""), false
}

// unspaced are the scripts whose words are not told apart by spaces.
var unspaced = []*unicode.RangeTable{
	unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar,
}

// isSign reports whether r changes what the number beside it means: a currency, a
// relation, a percent, a minus before a digit. Bars are those of tables.
func isSign(r rune, rest string) bool {
	switch {
	case r == '|' || r == utf8.RuneError:
		return false
	case r == '-':
		return rest != "" && '0' <= rest[0] && rest[0] <= '9'
	}
	return r == '%' || r == '\u2030' || unicode.In(r, unicode.Sc, unicode.Sm)
}
