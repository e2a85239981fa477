package api

import (
	"path"
	"strings"
	"unicode"
	"unicode/utf8"

	"kvasir/internal/api/field"
	"kvasir/internal/memo"
)

// cleanFileName returns the last element of a name that a client sent, which may
// be a path of any system, in UTF-8 and without control characters.
func cleanFileName(name string) string {
	if i := strings.LastIndexAny(name, `/\`); i >= 0 {
		name = name[i+1:]
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, validUTF8(name))
}

// titleOf makes a title of a file's name: spaces become underscores, of other
// characters only letters and digits of any script and _ - ( ) stay. The
// extension stays as it is.
func titleOf(fileName string) string {
	ext := path.Ext(fileName)
	kept := strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return '_'
		case unicode.IsLetter(r), unicode.IsDigit(r), unicode.IsMark(r), strings.ContainsRune("_-()", r):
			return r
		}
		return -1
	}, strings.TrimSuffix(fileName, ext))
	base := strings.Join(strings.FieldsFunc(kept, func(r rune) bool { return r == '_' }), "_")
	if base == "" {
		base = "document"
	}
	return base + ext
}

// cutTitle shortens a title to what is allowed and keeps its extension.
func cutTitle(title string) string {
	if !field.TooLong(title) {
		return title
	}
	ext := path.Ext(title)
	if memo.UTF16Len(ext) >= field.MaxUnits {
		ext = ""
	}
	return field.Cut(strings.TrimSuffix(title, ext), field.MaxUnits-memo.UTF16Len(ext)) + ext
}

// validUTF8 replaces what is not UTF-8, as JSON's decoder does.
func validUTF8(s string) string { return strings.ToValidUTF8(s, string(utf8.RuneError)) }
