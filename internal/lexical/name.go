package lexical

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// wordEnd returns the end of the token that begins at i: letters and digits, and
// joints between them.
func wordEnd(text string, i int) int {
	for i < len(text) {
		r, size := decode(text[i:])
		if inWord(r) && !unspaced(r) {
			i += size
			continue
		}
		width := joint(text, i)
		if width == 0 || i+width >= len(text) {
			return i
		}
		next, _ := decode(text[i+width:])
		if !inWord(next) || unspaced(next) {
			return i
		}
		i += width
	}
	return i
}

// joint returns the width of what may join two parts of a name at i, 0 if nothing
// does. A comma joins digits only.
func joint(s string, i int) int {
	switch s[i] {
	case '.', '-', '@', '/', '+':
		return 1
	case ',':
		if i > 0 && isDigit(s[i-1]) && i+1 < len(s) && isDigit(s[i+1]) {
			return 1
		}
	case ':':
		if i+1 < len(s) && s[i+1] == ':' {
			return 2
		}
	}
	return 0
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
func isLower(c byte) bool { return 'a' <= c && c <= 'z' }
func isUpper(c byte) bool { return 'A' <= c && c <= 'Z' }

// token adds the terms of the token that begins at start, and returns its end.
func (a *Analyzer) token(text string, start int) int {
	end := wordEnd(text, start)
	s := text[start:end]
	a.at = start
	switch {
	case strings.HasPrefix(text[end:], "://"): // how a page is loaded tells nothing of it
		return end + len("://")
	case plain(s):
		a.word(s)
	case shouted(s):
		if a.acronym(text, start, end) {
			a.add(strings.Clone(s), Word)
		}
		a.word(s)
	default:
		a.remembered(s)
	}
	if end < len(text) {
		end += a.suffix(text, start, end)
	}
	return end
}

// remembered adds the terms of a token that is more than a word. Names return as
// words do, and to take them apart costs more.
func (a *Analyzer) remembered(s string) {
	if len(s) > maxTerm {
		a.address(s)
		return
	}
	names := a.names[a.lang]
	known, ok := names[s]
	if !ok {
		at, first := a.at, len(a.terms)
		a.at = 0
		a.address(s)
		a.at = at
		known = slices.Clone(a.terms[first:])
		a.terms = a.terms[:first]
		for i := range known {
			known[i].Text = strings.Clone(known[i].Text)
		}
		if names == nil || len(names) >= wordsKept {
			names = make(map[string][]Term, 256)
			a.names[a.lang] = names
		}
		names[strings.Clone(s)] = known
	}
	a.row = 0
	for _, t := range known {
		t.At += a.at
		a.terms = append(a.terms, t)
	}
}

// plain reports whether s is small letters but for the first, as most words are.
// Letters beyond ASCII count as small.
func plain(s string) bool {
	for i := range len(s) {
		if c := s[i]; !isLower(c) && c < utf8.RuneSelf && (i > 0 || !isUpper(c)) {
			return false
		}
	}
	return true
}

// shouted reports whether s is capital letters only.
func shouted(s string) bool {
	for i := range len(s) {
		if !isUpper(s[i]) {
			return false
		}
	}
	return true
}

// acronym reports whether a word in capitals is a name that looks like a stop
// word, such as IT, and not a part of a text in capitals.
func (a *Analyzer) acronym(text string, start, end int) bool {
	if s := text[start:end]; len(s) < 2 || !a.lookup(s).stop {
		return false
	}
	before := strings.TrimRight(text[max(0, start-20):start], " ")
	before = before[strings.LastIndexByte(before, ' ')+1:]
	after := strings.TrimLeft(text[end:min(len(text), end+20)], " ")
	if i := strings.IndexByte(after, ' '); i >= 0 {
		after = after[:i]
	}
	return !capitals(before) && !capitals(after)
}

// capitals reports whether s has two capital letters and no small one.
func capitals(s string) bool {
	n := 0
	for i := range len(s) {
		if isLower(s[i]) {
			return false
		}
		if isUpper(s[i]) {
			n++
		}
	}
	return n > 1
}

// suffix adds what a sign behind a token makes of it, and returns the length of
// the sign: 20%, C++, C#.
func (a *Analyzer) suffix(text string, start, end int) int {
	sign := ""
	switch s := text[start:end]; {
	case text[end] == '%' && isNumber(s):
		sign = "%"
	case len(s) > 2 || isDigit(s[0]):
	case text[end] == '#':
		sign = "#"
	case strings.HasPrefix(text[end:], "++"):
		sign = "++"
	}
	if sign != "" {
		a.add(strings.ToLower(strings.ReplaceAll(text[start:end], ",", "."))+sign, Spelling)
	}
	return len(sign)
}

// address adds a token that may be an address or a path, as a whole, and its
// names.
func (a *Analyzer) address(s string) {
	outer := strings.ContainsAny(s, "@/:+")
	if !outer {
		a.numberOrName(s)
		return
	}
	if whole(s) {
		a.add(cut(fold(strings.ToLower(s))), Spelling)
	}
	at, start := a.at, 0
	for i := 0; i <= len(s); i++ {
		if i < len(s) && s[i] != '@' && s[i] != '/' && s[i] != ':' && s[i] != '+' {
			continue
		}
		if a.at = at + start; i > start {
			a.numberOrName(s[start:i])
		}
		start = i + 1
	}
}

// whole reports whether a token with a slash and the like is more than two words
// of which either will do.
func whole(s string) bool {
	return strings.ContainsAny(s, "@._:0123456789") || strings.Count(s, "/") > 1
}

func (a *Analyzer) numberOrName(s string) {
	switch {
	case plain(s):
		a.word(s)
	case isNumber(s):
		a.number(s)
	case strings.IndexByte(s, ',') < 0:
		a.name(s)
	default:
		at, start := a.at, 0
		for part := range strings.SplitSeq(s, ",") {
			a.at = at + start
			a.name(part)
			start += len(part) + 1
		}
	}
}

// name adds a name with its parts: those between joints, and the parts of these.
func (a *Analyzer) name(s string) {
	if !strings.ContainsAny(s, "_-.") {
		a.part(s)
		return
	}
	first := len(a.terms)
	at, start := a.at, 0
	a.joinedName(s)
	spelled := len(a.terms)
	for i := 0; i <= len(s); i++ {
		if i < len(s) && s[i] != '_' && s[i] != '-' && s[i] != '.' {
			continue
		}
		if a.at = at + start; i > start {
			a.part(s[start:i])
		}
		start = i + 1
	}
	if len(a.terms) == spelled+1 { // one part is the name, with signs around it
		a.terms = append(a.terms[:first], a.terms[spelled:]...)
	}
}

// joinedName adds the whole of a name. Hyphens and underlines are left out, but
// for those between digits: read_file is readFile, and AB-12 is AB12.
func (a *Analyzer) joinedName(s string) {
	b := make([]byte, 0, maxTerm)
	letters := true
	for i := range len(s) {
		c := s[i]
		if (c == '-' || c == '_') && (i == 0 || i == len(s)-1 || !isDigit(s[i-1]) || !isDigit(s[i+1])) {
			continue
		}
		letters = letters && c != '.' && c != '-' && c != '_' && !isDigit(c)
		b = append(b, c)
	}
	a.spelling(string(b), letters)
}

// spelling adds a whole; if it could be a word, in the form that a word has.
func (a *Analyzer) spelling(s string, word bool) {
	if word && len(s) <= maxTerm {
		a.add(a.lookup(s).text, Spelling)
		return
	}
	a.add(cut(fold(strings.ToLower(s))), Spelling)
}

// part adds a part of a name, and what it is made of: read|File, parse|HTTP|Request,
// RFC|2616.
func (a *Analyzer) part(s string) {
	cuts, digits := boundaries(s)
	switch {
	case cuts == nil:
		a.word(s)
		return
	case digits:
		a.code(s)
		return
	}
	a.spelling(s, true)
	at, start := a.at, 0
	for _, end := range append(cuts, len(s)) {
		a.at = at + start
		a.word(s[start:end])
		start = end
	}
}

// code adds letters and digits. Of two parts, each is found, too; with more it is
// a key or a checksum. One letter or digit is no part.
func (a *Analyzer) code(s string) {
	at := 0
	for i := 1; i < len(s); i++ {
		if isDigit(s[i]) == isDigit(s[i-1]) {
			continue
		}
		if at > 0 {
			at = 0
			break
		}
		at = i
	}
	if at == 0 || at == 1 && !isDigit(s[0]) {
		a.word(s)
		return
	}
	a.spelling(s, false)
	begin := a.at
	a.word(s[:at])
	a.at += at
	a.word(s[at:])
	a.at = begin
}

// boundaries returns where a capital begins a word, and whether letters and digits
// meet.
func boundaries(s string) (cuts []int, digits bool) {
	start := 0
	for i := 1; i < len(s); i++ {
		c, before := s[i], s[i-1]
		switch {
		case isDigit(c) != isDigit(before):
			return []int{i}, true
		case isUpper(c) && (isLower(before) || isUpper(before) && i > start && beginsWord(s[i:])):
			cuts = append(cuts, i)
			start = i
		}
	}
	return cuts, false
}

// beginsWord tells a capital before small letters. One small letter is a plural's:
// IDs is one word.
func beginsWord(s string) bool { return len(s) > 2 && isLower(s[1]) && isLower(s[2]) }

// isNumber reports whether s is digits with points and commas between them.
func isNumber(s string) bool {
	for i := range len(s) {
		if !isDigit(s[i]) && (s[i] != '.' && s[i] != ',') {
			return false
		}
	}
	return s != "" && isDigit(s[0]) && isDigit(s[len(s)-1])
}
