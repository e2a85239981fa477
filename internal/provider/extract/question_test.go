package extract

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kvasir/internal/lexical"
)

func TestAskReadsAQuestion(t *testing.T) {
	t.Parallel()
	tests := []struct {
		text  string
		lang  lexical.Language
		terms []string
		names []string
	}{
		{"What is a mallard?", lexical.English, []string{"mallard", "what"}, nil},
		{"The port of the port", lexical.English, []string{"port"}, nil},
		{
			"How many ducks live in Australia?", lexical.English,
			[]string{"australia", "duck", "how", "live", "mani"}, []string{"australia"},
		},
		{"Is MiniLM_L6 old?", lexical.English, []string{"l6", "lm", "mini", "minilm", "minilml6", "old"},
			[]string{"l6", "lm", "mini", "minilm", "minilml6"}},
		{"Wann wurde die Stockente beschrieben?", lexical.German, []string{"beschrieb", "stockent", "wann"}, nil},
		{"Wer war Linnaeus?", lexical.German, []string{"linnaeus"}, nil},
		{"¿Cuándo llegó Colón?", lexical.Spanish, []string{"colon", "cuand", "lleg"}, []string{"colon"}},
		{"鸭子吃什么？", lexical.Unknown, []string{"什么", "吃什", "子吃", "鸭子"}, nil},
		{"the of and", lexical.English, nil, nil},
	}
	for _, tt := range tests {
		var analyzer lexical.Analyzer
		q := ask(&analyzer, tt.text, tt.lang)
		var terms, names []string
		for _, w := range q.terms {
			terms = append(terms, w.text)
			if w.name {
				names = append(names, w.text)
			}
		}
		slices.Sort(terms)
		if diff := cmp.Diff(tt.terms, terms); diff != "" {
			t.Errorf("%s: terms (-want +got):\n%s", tt.text, diff)
		}
		if diff := cmp.Diff(tt.names, names); diff != "" {
			t.Errorf("%s: names (-want +got):\n%s", tt.text, diff)
		}
	}
}

func TestKindred(t *testing.T) {
	t.Parallel()
	tests := []struct {
		a, b string
		want bool
	}{
		{"verteidig", "verteidigungs", true},
		{"vertrag", "gruendungsvertrag", true},
		{"categories", "categorical", true},
		{"duck", "ducks", false},         // too short to tell
		{"port", "support", false},       // likewise
		{"station", "nation", false},     // ends alike, and neither ends the other
		{"contract", "continent", false}, // too little alike
		{"v1234", "v12345", false},       // codes are not forms of each other
		{"same", "same", false},
	}
	for _, tt := range tests {
		if kindred(tt.a, tt.b) != tt.want || kindred(tt.b, tt.a) != tt.want {
			t.Errorf("kindred(%q, %q) = %t, want %t", tt.a, tt.b, !tt.want, tt.want)
		}
	}
}
