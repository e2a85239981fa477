package lexical

import "strings"

// number adds a number as it is written here or there: 1,000 and 1000, 3.14 and
// 3,14, 1,234.56 and 1.234,56. What may be a list or a version gives its parts.
func (a *Analyzer) number(s string) {
	last := strings.LastIndexAny(s, ".,")
	if last < 0 {
		a.word(s)
		return
	}
	first := strings.IndexAny(s, ".,")
	grouped, same := true, true
	for i := first; i < last; i++ {
		if s[i] == '.' || s[i] == ',' {
			same = same && s[i] == s[last]
			grouped = grouped && i+4 < len(s) && (i+4 == last || !isDigit(s[i+4]))
		}
	}
	grouped = grouped && first <= 3
	thousands := grouped && same && len(s)-last == 4
	switch {
	case !same && grouped && strings.Count(s, s[last:last+1]) == 1: // 1,234.56
		a.add(digits(s[:last])+"."+s[last+1:], Spelling)
	case thousands && s[last] == ',': // 1,000 and 1,234,567
		a.add(digits(s), Word)
		if first == last {
			a.add(strings.Replace(s, ",", ".", 1), Spelling)
		}
		return
	case thousands:
		a.add(digits(s), Spelling)
		a.add(s, Spelling)
	case first == last || same && s[last] == '.':
		a.add(strings.ReplaceAll(s, ",", "."), Spelling)
	}
	at, start := a.at, 0
	for i := 0; i <= len(s); i++ {
		if i == len(s) || !isDigit(s[i]) {
			a.at = at + start
			a.word(s[start:i])
			start = i + 1
		}
	}
}

// digits returns s without its points and commas.
func digits(s string) string { return strings.NewReplacer(",", "", ".", "").Replace(s) }
