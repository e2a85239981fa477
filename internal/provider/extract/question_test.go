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
		kind  kind
		terms []string
		names []string
	}{
		{"What is a mallard?", lexical.English, definition, []string{"mallard"}, nil},
		{"How do I install the server?", lexical.English, procedure, []string{"instal", "server"}, nil},
		{"How many ducks live in Australia?", lexical.English, number,
			[]string{"australia", "duck", "live"}, []string{"australia"}},
		{"Which port?", lexical.English, anything, []string{"port"}, nil},
		{"Wann wurde die Stockente beschrieben?", lexical.German, number, []string{"beschrieb", "stockent"}, nil},
		{"Wer war Linnaeus?", lexical.German, definition, []string{"linnaeus"}, nil},
		{"¿Cuándo llegó Colón?", lexical.Spanish, number, []string{"colon", "lleg"}, []string{"colon"}},
		{"鸭子吃什么？", lexical.Unknown, anything, []string{"子吃", "鸭子"}, nil},
		{"哪一年发现了X2？", lexical.Unknown, number, []string{"x2", "发现", "年发"}, nil},
		{"How?", lexical.English, anything, nil, nil},
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
		if q.kind != tt.kind {
			t.Errorf("%s: kind %d, want %d", tt.text, q.kind, tt.kind)
		}
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
