package lexical

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// sameLetters are letters that writers put for one another, and what stands for
// both: forms of Arabic letters, also those that Persian and Urdu use, and the
// forms that Hebrew letters have at the end of a word. Empty ones are left out.
var sameLetters = map[rune]string{
	'ٱ': "ا", 'ى': "ي", 'ی': "ي", 'ې': "ي", 'ک': "ك", 'ة': "ه", 'ۀ': "ه", 'ہ': "ه", 'ە': "ه",
	'ـ': "", 'ٰ': "",
	'ך': "כ", 'ם': "מ", 'ן': "נ", 'ף': "פ", 'ץ': "צ",
	'ς': "σ",
}

// normalise writes a word in lower case as others may write it: Arabic and Hebrew
// without marks and final forms, digits as 0 to 9. Words in other scripts stay.
func normalise(w string) string {
	if isASCII(w) || !strings.ContainsFunc(w, manyForms) {
		return w
	}
	var b strings.Builder
	for _, r := range norm.NFD.String(w) {
		same, ok := sameLetters[r]
		switch {
		case ok:
			b.WriteString(same)
		case isMark(r):
		case unicode.IsDigit(r):
			b.WriteRune('0' + digitValue(r))
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// manyForms reports whether r is of a script that normalise knows.
func manyForms(r rune) bool {
	return 0x590 <= r && r <= 0x6ff || r == 'ς' || r > 0x6ff && unicode.IsDigit(r)
}

// digitValue returns the value of a decimal digit: digits are in rows of ten.
func digitValue(r rune) rune {
	zero := r
	for zero > r-9 && unicode.IsDigit(zero-1) {
		zero--
	}
	return r - zero
}

// unmarked are letters that no decomposition tells from their plain kin.
var unmarked = map[rune]string{
	'ß': "ss", 'æ': "ae", 'œ': "oe", 'ø': "o", 'ł': "l", 'đ': "d", 'ð': "d", 'þ': "th", 'ı': "i",
}

// isMark reports whether r is a mark on a Latin, Greek, Cyrillic, Hebrew or Arabic
// letter.
func isMark(r rune) bool {
	return 0x300 <= r && r <= 0x36f || 0x591 <= r && r <= 0x5c7 || 0x64b <= r && r <= 0x65f
}

// fold takes the marks off Latin, Greek, Cyrillic, Hebrew and Arabic letters:
// é becomes e. The marks of other scripts are vowels, without which words differ.
func fold(s string) string {
	if isASCII(s) {
		return s
	}
	var b strings.Builder
	for _, r := range norm.NFD.String(s) {
		switch plain, ok := unmarked[r]; {
		case ok:
			b.WriteString(plain)
		case !isMark(r):
			b.WriteRune(r)
		}
	}
	return b.String()
}
