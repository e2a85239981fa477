package layout

import (
	"math"
	"strings"
	"unicode/utf8"
)

// listing writes lines of code as they stand: each word at the column where it is on
// the page, as all characters are equally wide.
func listing(lines []*textLine) string {
	left := math.Inf(1)
	for _, l := range lines {
		left = min(left, l.X0)
	}
	var b strings.Builder
	for i, l := range lines {
		if i > 0 {
			b.WriteByte('\n')
		}
		width := pitchOf(l.words)
		column := 0
		for n, w := range l.words {
			at := min(int(math.Round((w.X0-left)/width)), 200)
			if n > 0 && spaced(&l.words[n-1], &w) {
				at = max(at, column+1)
			}
			b.WriteString(strings.Repeat(" ", max(at-column, 0)))
			text := strings.ReplaceAll(w.text, string(hyphen), "-")
			b.WriteString(text)
			column = max(at, column) + utf8.RuneCountInString(text)
		}
	}
	return b.String()
}

// pitchOf returns the width of a character.
func pitchOf(words []word) float64 {
	var widths, chars float64
	for _, w := range words {
		if n := utf8.RuneCountInString(w.text); n > 3 {
			// The ink of the last character leaves some room.
			widths += w.Width()
			chars += float64(n) - 0.2
		}
	}
	if chars == 0 {
		return max(0.6*words[0].size, 1)
	}
	// Nearly all such type is 0.6 em wide; the ink alone would give a little less.
	if width, usual := widths/chars, 0.6*words[0].size; abs(width-usual) > 0.08*usual {
		return max(width, 1)
	}
	return max(0.601*words[0].size, 1)
}
