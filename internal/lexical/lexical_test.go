package lexical_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"kvasir/internal/lexical"
)

func TestTerms(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		lang lexical.Language
		text string
		want []string
	}{
		{"nothing", lexical.English, " -- … ", nil},
		{
			"stems and stop words", lexical.English, "The cells were growing in cultures",
			[]string{"cell", "were", "grow", "cultur"},
		},
		{
			"words with hyphens are one word and several", lexical.English, "low-density state, e-mails",
			[]string{"lowdens", "low", "densiti", "state", "email", "e", "mail"},
		},
		{
			"names are kept whole and split", lexical.English, "max_body_bytes readFile",
			[]string{"maxbodybyt", "max", "bodi", "byte", "readfil", "read", "file"},
		},
		{
			"initials are words of a name", lexical.English, "parseHTTPRequest IDs",
			[]string{"parsehttprequest", "pars", "http", "request", "id"},
		},
		{
			"versions and numbers", lexical.English, "v1.2.3, 3.5 and IL-2",
			[]string{"v1.2.3", "v1", "2", "3", "3.5", "3", "5", "il2", "il", "2"},
		},
		{
			"addresses", lexical.English, "Mail ann@example.com.",
			[]string{"mail", "ann@example.com", "ann", "example.com", "exampl", "com"},
		},
		{"possessives", lexical.English, "the author's book", []string{"author", "book"}},
		{"German", lexical.German, "Die größten Häuser", []string{"grosst", "haus"}},
		{"French accents", lexical.French, "les élèves à l'école", []string{"elev", "ecol"}},
		{"Russian", lexical.Russian, "Утка и её йогурты", []string{"утк", "иогурт"}},
		{"marks that are vowels stay", lexical.Unknown, "हिन्दी", []string{"हिन्दी"}},
		{"letters with a stroke", lexical.Unknown, "Łódź Øresund", []string{"lodz", "oresund"}},
		{"pairs of Chinese characters", lexical.Unknown, "鸭子是鸟", []string{"鸭子", "子是", "是鸟"}},
		{"one character alone", lexical.Unknown, "鸟 bird", []string{"鸟", "bird"}},
		{"mixed scripts", lexical.English, "GPT模型v2", []string{"gpt", "模型", "v2"}},
		{"wide letters are letters", lexical.Unknown, "ＡＢＣ", []string{"abc"}},
		{"no stems without a language", lexical.Unknown, "growing", []string{"growing"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var a lexical.Analyzer
			if diff := cmp.Diff(tt.want, a.Terms(tt.text, tt.lang)); diff != "" {
				t.Errorf("Terms(%q) (-want +got):\n%s", tt.text, diff)
			}
		})
	}
}

// Two analysers agree, whatever they have read before.
func TestAnalyzersForgetSafely(t *testing.T) {
	t.Parallel()
	var used, fresh lexical.Analyzer
	for i := range 40_000 {
		used.Terms(fmt.Sprintf("Word%d other%d", i, i), lexical.English)
	}
	const text = "The quick Brown foxes jumped over word39999"
	if got, want := used.Terms(text, lexical.English), fresh.Terms(text, lexical.English); !slices.Equal(got, want) {
		t.Errorf("after many words %v, want %v", got, want)
	}
}

func TestAnAnalyzerIsReused(t *testing.T) {
	t.Parallel()
	var a lexical.Analyzer
	first := slices.Clone(a.Terms("Growing ducks", lexical.English))
	a.Terms("Wachsende Enten", lexical.German)
	if again := a.Terms("Growing ducks", lexical.English); !slices.Equal(first, again) {
		t.Errorf("the same text gave %v and then %v", first, again)
	}
}

func TestLongTermsAreCut(t *testing.T) {
	t.Parallel()
	var a lexical.Analyzer
	terms := a.Terms(strings.Repeat("ö", 500), lexical.Unknown)
	if len(terms) != 1 || len(terms[0]) > 64 || !utf8.ValidString(terms[0]) {
		t.Errorf("a word of 500 letters became %q", terms)
	}
}

func TestDetect(t *testing.T) {
	t.Parallel()
	tests := map[string]lexical.Language{
		"":                              lexical.Unknown,
		"errgroup":                      lexical.Unknown,
		"What is the name of the duck?": lexical.English,
		"Wie heißt die Ente und was frisst sie?":                                lexical.German,
		"Quel est le nom de ce canard et où vit-il ?":                           lexical.French,
		"¿Cuál es el nombre del pato y qué come?":                               lexical.Spanish,
		"Qual é o nome do pato e o que ele come?":                               lexical.Portuguese,
		"Как зовут эту утку и что она ест на обед?":                             lexical.Russian,
		"Det er en fugl, og den er ikke så stor som en and, men den kan svømme": lexical.Danish,
		"Утка плавает":                                                          lexical.Russian,
		"البط يسبح":                                                             lexical.Arabic,
		"鸭子是鸟。":                                                                 lexical.Unknown,
	}
	for text, want := range tests {
		if got := lexical.Detect(text); got != want {
			t.Errorf("Detect(%q) = %d, want %d", text, got, want)
		}
	}
}

func FuzzTerms(f *testing.F) {
	for _, seed := range []string{"", "a.b-c@d_e", "..a..", "\xff\xfe", "鸭a子1", "ﬁne", "éÉ", "a\u0301", "'s"} {
		f.Add(seed, uint8(1))
	}
	f.Fuzz(func(t *testing.T, text string, lang uint8) {
		var a lexical.Analyzer
		language := lexical.Language(lang)
		lexical.Detect(text)
		for _, term := range a.Terms(text, language) {
			if term == "" || len(term) > 200 {
				t.Fatalf("Terms(%q) has the term %q", text, term)
			}
		}
	})
}

func BenchmarkTerms(b *testing.B) {
	text := strings.Repeat("The quick brown foxes were jumping over lazy dogs near max_body_bytes, as IL-2 grows. ", 100)
	var a lexical.Analyzer
	words := len(strings.Fields(text))
	for b.Loop() {
		a.Terms(text, lexical.English)
	}
	b.ReportMetric(float64(b.N*words)/b.Elapsed().Seconds(), "words/s")
}
