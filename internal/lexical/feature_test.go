package lexical_test

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"kvasir/internal/lexical"
)

// kinds returns the terms of a text with a sign for what they are: ~ for another
// spelling, ? for what is faint.
func kinds(text string, lang lexical.Language) []string {
	var a lexical.Analyzer
	var out []string
	for _, t := range a.Read(text, lang) {
		out = append(out, map[lexical.Kind]string{lexical.Spelling: "~", lexical.Faint: "?"}[t.Kind]+t.Text)
	}
	return out
}

func TestKinds(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		lang lexical.Language
		text string
		want string
	}{
		{"stop words are faint", lexical.English, "the duck", "?the duck"},
		{"three of them are a phrase", lexical.English, "to be or", "?to ?be ?or ?to be ?be or"},
		{"a name like a stop word", lexical.English, "the IT team", "?the IT ?it team"},
		{"a text in capitals has no such names", lexical.English, "NOTES ON IT AND", "note ?on ?it ?and ?on it ?it and"},
		{"grouped", lexical.English, "1,000 and 1,234,567", "1000 ~1.000 ?and 1234567"},
		{"a point may group", lexical.German, "1.000", "~1000 ~1.000 1 000"},
		{"decimals", lexical.German, "3,14 3.14", "~3.14 3 14 ~3.14 3 14"},
		{"both", lexical.English, "1,234.56 1.234,56", "~1234.56 1 234 56 ~1234.56 1 234 56"},
		{"a list", lexical.English, "1,2,3", "1 2 3"},
		{"per cent", lexical.English, "20%", "20 ~20%"},
		{"units", lexical.English, "10kg 5 GB", "~10kg 10 kg 5 gb"},
		{"codes", lexical.English, "ISO-9001 RFC2616 RFC 2616", "~iso9001 iso 9001 ~rfc2616 rfc 2616 rfc 2616"},
		{"part numbers", lexical.English, "AB-12/34", "~ab-12/34 ~ab12 ab 12 34"},
		{"one letter belongs to its digits", lexical.English, "p53 v2", "p53 v2"},
		{"checksums stay whole", lexical.English, "3f2a9c71", "3f2a9c71"},
		{"dates keep their hyphens", lexical.English, "2026-11-23", "~2026-11-23 2026 11 23"},
		{"kebab, snake and camel are one", lexical.Unknown, "max-size max_size maxSize",
			"~maxsize max size ~maxsize max size ~maxsize max size"},
		{"paths", lexical.English, "/usr/src/main.go", "~usr/src/main.go usr src ~main.go main go"},
		{"namespaces", lexical.English, "std::vector", "~std::vector std vector"},
		{"pages", lexical.English, "https://example.com/ducks.", "~example.com/ducks ~example.com exampl com duck"},
		{"mail", lexical.Unknown, "ann+x@example.com", "~ann+x@example.com ann x ~example.com example com"},
		{"languages of programs", lexical.Unknown, "C++ C# #5", "c ~c++ c ~c# 5"},
		{"Arabic", lexical.Arabic, "ٱلْمَدْرَسَة المدرسه", "مدرسه مدرسه"},
		{"Persian letters", lexical.Unknown, "کتاب كتاب", "كتاب كتاب"},
		{"Hebrew", lexical.Unknown, "שָׁלוֹם שלומ", "שלומ שלומ"},
		{"digits of others", lexical.Unknown, "٢٠٢٦ २०२६", "2026 2026"},
		{"Greek", lexical.Unknown, "ΛΌΓΟΣ λόγος", "λογοσ λογοσ"},
		{"Hangul", lexical.Unknown, "오리", "?오 오리 ?리"},
		{"words among characters", lexical.Unknown, "用Go写3个", "用 go 写 3 个"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, strings.Join(kinds(tt.text, tt.lang), " ")); diff != "" {
				t.Errorf("Read(%q) (-want +got):\n%s", tt.text, diff)
			}
		})
	}
}

// Words that begin at one place are readings of one word, whatever the language.
func TestPlacesAreTheSameInAllLanguages(t *testing.T) {
	t.Parallel()
	var a lexical.Analyzer
	places := func(lang lexical.Language) (out []int) {
		for _, term := range a.Read("Die Häuser in maxSize, 鸭子 1,000 und the ducks", lang) {
			if term.Kind == lexical.Word || !strings.ContainsRune(term.Text, ' ') {
				out = append(out, term.At)
			}
		}
		return slices.Compact(out)
	}
	want := places(lexical.Unknown)
	for _, lang := range []lexical.Language{lexical.English, lexical.German, lexical.Arabic} {
		if diff := cmp.Diff(want, places(lang)); diff != "" {
			t.Errorf("places in language %d (-want +got):\n%s", lang, diff)
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, seed := range []string{
		"", "1,234.56%", "a::b//c", "http://x.y/z?q=1", "C++", "_-_", "1,,2", "\xff,1", "IT", "to be or not to be",
		"ٱل\u064e", "鸭1,000子", "aB1c2D3", "a@b@c", "٣,٤", "ẞ_ß",
	} {
		f.Add(seed, uint8(1))
	}
	f.Fuzz(func(t *testing.T, text string, lang uint8) {
		var a lexical.Analyzer
		first := slices.Clone(a.Read(text, lexical.Language(lang)))
		if again := a.Read(text, lexical.Language(lang)); !slices.Equal(first, again) {
			t.Fatalf("Read(%q) gives %v and then %v", text, first, again)
		}
		for _, term := range first {
			if term.Text == "" || len(term.Text) > 200 || utf8.ValidString(text) && !utf8.ValidString(term.Text) {
				t.Fatalf("Read(%q) has the term %q", text, term.Text)
			}
		}
		if most := 8*len(text) + 8; len(first) > most {
			t.Fatalf("Read(%q) has %d terms", text, len(first))
		}
	})
}
