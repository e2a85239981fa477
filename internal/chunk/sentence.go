package chunk

import (
	"iter"
	"strings"
	"unicode"
	"unicode/utf8"
)

// sentences yields the position after each sentence of text, with the white space
// that follows, and before each list item; the last is the end.
func sentences(text string) iter.Seq[int] {
	return func(yield func(int) bool) {
		lineStart := 0
		for pos := 0; pos < len(text); {
			r, size := utf8.DecodeRuneInString(text[pos:])
			next := pos + size
			at := 0
			switch {
			case r == '\n' || r == '\r' && !strings.HasPrefix(text[next:], "\n"):
				lineStart = next
				if startsItem(text[next:min(next+64, len(text))]) {
					at = next
				}
			case isStop(r):
				next = stopsEnd(text, pos)
				at = sentenceEnd(text, lineStart, pos, next)
			}
			if at == 0 || at >= len(text) {
				pos = next
				continue
			}
			if !yield(at) {
				return
			}
			// The white space that at is after may have ended a line.
			if i := strings.LastIndexAny(text[pos:at], "\r\n"); i >= 0 {
				lineStart = pos + i + 1
			}
			pos = at
		}
		yield(len(text))
	}
}

// isStop reports whether r may end a sentence.
func isStop(r rune) bool { return strings.ContainsRune(".!?…。！？｡؟।", r) }

// isWideStop reports whether r ends a sentence with no space after it.
func isWideStop(r rune) bool { return strings.ContainsRune("。！？｡", r) }

// stopsEnd returns the position after a run of stops and closing quotes.
func stopsEnd(text string, pos int) int {
	for pos < len(text) {
		r, size := utf8.DecodeRuneInString(text[pos:])
		if !isStop(r) && !strings.ContainsRune("\"')]}»”’」』）】*_`", r) {
			break
		}
		pos += size
	}
	return pos
}

// sentenceEnd returns where the sentence ends whose stops are text[stop:pos], after
// the white space that follows; 0 if it does not end here.
func sentenceEnd(text string, lineStart, stop, pos int) int {
	wide := strings.ContainsFunc(text[stop:pos], isWideStop)
	after := strings.TrimLeftFunc(text[pos:], unicode.IsSpace)
	end := len(text) - len(after)
	if end == pos && !wide {
		return 0 // a point inside a name or a number
	}
	first, _ := utf8.DecodeRuneInString(after)
	if unicode.IsLower(first) && !wide {
		return 0
	}
	if text[stop:pos] == "." && isAbbreviation(text[lineStart:stop]) {
		return 0
	}
	return end
}

// isAbbreviation reports whether a point after the last word of before is most
// likely not the end of a sentence: an initial, an item's number, a known one.
func isAbbreviation(before string) bool {
	if len(before) > 24 {
		before = before[len(before)-24:]
	} else if strings.Trim(before, "0123456789 \t") == "" {
		return true // "12. Item" at the start of a line
	}
	word := before[strings.LastIndexAny(before, " \t(\"[")+1:]
	if r, size := utf8.DecodeRuneInString(word); size == len(word) {
		return unicode.IsUpper(r)
	}
	switch strings.ToLower(word) {
	case "mr", "mrs", "ms", "dr", "prof", "st", "vs", "no", "nr", "fig", "eq", "sec", "vol", "pp", "al", "cf", "ca",
		"e.g", "i.e", "z.b", "d.h", "u.a", "bzw", "vgl", "abb", "bd", "art", "abs", "inc", "ltd", "jr", "sr":
		return true
	}
	return false
}
