package lexical

import (
	"iter"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Sentences yields the sentences of a text; joined they are the text. White space
// belongs to the sentence before it. Marks end sentences, whatever the script, but
// not those inside names, numbers, dates and abbreviations.
func Sentences(text string) iter.Seq[string] {
	return func(yield func(string) bool) {
		start := 0
		for i := 0; i < len(text); {
			r, size := utf8.DecodeRuneInString(text[i:])
			if !spacedMark(r) && !unspacedMark(r) {
				i += size
				continue
			}
			mark := i
			i = skip(text, i+size, closes)
			end := skip(text, i, unicode.IsSpace)
			if !ends(text, mark, i, end, r) {
				continue
			}
			if !yield(text[start:end]) {
				return
			}
			start, i = end, end
		}
		if start < len(text) {
			yield(text[start:])
		}
	}
}

// skip returns the first position from i whose character is not one of these.
func skip(text string, i int, of func(rune) bool) int {
	for i < len(text) {
		r, size := utf8.DecodeRuneInString(text[i:])
		if !of(r) {
			break
		}
		i += size
	}
	return i
}

// spacedMark reports whether r ends a sentence if white space follows.
func spacedMark(r rune) bool { return strings.ContainsRune(".!?…؟۔।", r) }

// unspacedMark reports whether r ends a sentence whatever follows.
func unspacedMark(r rune) bool { return strings.ContainsRune("。！？｡", r) }

// closes reports whether r may stand between a sentence's mark and its end:
// further marks, quotation marks, brackets, Markdown.
func closes(r rune) bool {
	return spacedMark(r) || unspacedMark(r) || strings.ContainsRune("\"'”’»«)]}*_`」』）】", r)
}

// ends reports whether the mark r at text[mark:] ends a sentence. What closes it
// is before text[after:], and the next sentence would be text[next:].
func ends(text string, mark, after, next int, r rune) bool {
	if after == len(text) || unspacedMark(r) {
		return true
	}
	if next == after {
		return false
	}
	following, _ := utf8.DecodeRuneInString(text[next:])
	if unicode.IsLower(following) {
		return false
	}
	if r != '.' {
		return true
	}
	before := strings.TrimLeft(text[strings.LastIndexAny(text[:mark], " \n\t(")+1:mark], "\"'„“*_")
	return !initials.MatchString(before) && !abbreviations[strings.ToLower(before)] &&
		!(ordinal.MatchString(before) && counted.MatchString(text[next:]))
}

var (
	// initials are a letter, or letters with dots between: J, U.S, z.B.
	initials = regexp.MustCompile(`^\pL(\.\pL)*$`)
	// A date in German and its kin has a dot after the day.
	ordinal = regexp.MustCompile(`^\d{1,2}$`)
	counted = regexp.MustCompile(`^(Jan|Feb|Mär|Maer|Apr|Mai|Jun|Jul|Aug|Sep|Okt|Nov|Dez|Jahrhundert|Jh\b)`)
)

// abbreviations end with a dot that ends no sentence.
var abbreviations = map[string]bool{
	"etc": true, "vs": true, "cf": true, "dr": true, "mr": true, "mrs": true, "ms": true, "prof": true, "st": true,
	"no": true, "nos": true, "fig": true, "figs": true, "approx": true, "al": true, "sec": true, "vol": true, "ed": true,
	"inc": true, "ltd": true, "jr": true, "sr": true, "gen": true, "col": true, "lt": true,
	"bzw": true, "usw": true, "ca": true, "nr": true, "abs": true, "art": true, "bd": true, "vgl": true, "ggf": true,
	"evtl": true, "hr": true, "fr": true, "str": true, "sog": true, "p.ex": true, "env": true, "sig": true, "pág": true,
}
