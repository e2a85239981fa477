package rank_test

import (
	"strings"
	"testing"

	"kvasir/internal/rank"
)

const rules = "The workshop opens at 8 in the morning and closes at 6 in the evening; tools must be returned " +
	"to their cabinets before closing, and every visitor signs the register at the entrance."

func TestRepeats(t *testing.T) {
	t.Parallel()
	swap := func(old, new string) string { return strings.Replace(rules, old, new, 1) }
	tests := []struct {
		name, query, a, b string
		want              bool
	}{
		{"the same", "", rules, rules, true},
		{"case, spaces and punctuation", "", strings.ToUpper(strings.ReplaceAll(rules, ", ", "\n  ")), rules, true},
		{"a part", "", rules[:39], rules, true},
		{"more than the other says", "", rules + " Dogs are welcome.", rules, false},
		{"another long word", "", swap("visitor", "customer"), rules, true},
		{"another long word that was asked for", "may a customer enter?", swap("visitor", "customer"), rules, false},
		{"the other has what was asked for", "may a customer enter?", rules, swap("visitor", "customer"), true},
		{"another number", "", swap("8", "9"), rules, false},
		{"numbers the other way round", "",
			swap("8 in the morning and closes at 6", "6 in the morning and closes at 8"), rules, false},
		{"another name", "", swap("workshop", "Woodshop"), rules, false},
		{"a short word more", "", swap("must be", "must not be"), rules, false},
		{"a sign before a number", "", swap("at 8", "at -8"), rules, false},
		{"another relation", "", "a < b", "a > b", false},
		{"a part of a number", "", "room 12", "room 123", false},
		{"unlike", "", "Something else is written here entirely.", rules, false},
		{"signs only", "", "\U0001f642", rules, false},
		{"Chinese, the same", "", "图书馆每天早上八点开门。", "图书馆每天早上八点开门", true},
		{"Chinese, another number", "", "图书馆每天早上八点开门。", "图书馆每天早上九点开门。", false},
	}
	for _, tt := range tests {
		o := rank.NewOutliner(tt.query)
		if got := o.Outline(tt.a, "").Repeats(o.Outline(tt.b, "")); got != tt.want {
			t.Errorf("%s: Repeats = %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestWhatWasAskedForMayStandInATitle(t *testing.T) {
	t.Parallel()
	o := rank.NewOutliner("opening hours of the Z200 workshop")
	x100, z200 := o.Outline(rules, "Handbook X100"), o.Outline(rules, "Handbook Z200")
	if z200.Repeats(x100) {
		t.Error("the passage of the memo that was asked for is a repetition")
	}
	if !x100.Repeats(z200) {
		t.Error("the passage of the other memo is none")
	}
}

func TestResemblesIsEvenHanded(t *testing.T) {
	t.Parallel()
	o := rank.NewOutliner("")
	a, b := o.Outline(rules, ""), o.Outline(rules[:100], "")
	if x, y := a.Resembles(b), b.Resembles(a); x != y || x <= 0 || x >= 1 {
		t.Errorf("a part resembles the whole by %v, the whole the part by %v", x, y)
	}
	if none := o.Outline("", ""); none.Resembles(a) != 0 || none.Words() != 0 || a.Resembles(a) != 1 {
		t.Error("an empty text resembles something, or a text not itself")
	}
}

func FuzzOutline(f *testing.F) {
	f.Add("The heron, 3 of them.", "heron")
	f.Add("图书馆 -5 %\xff", "")
	f.Fuzz(func(t *testing.T, text, query string) {
		o := rank.NewOutliner(query)
		if a := o.Outline(text, query); a.Repeats(a) != (a.Words() > 0) {
			t.Errorf("%q does not repeat itself", text)
		}
	})
}

func BenchmarkRepeats(b *testing.B) {
	text := strings.Repeat(rules+" ", 6)
	for b.Loop() {
		o := rank.NewOutliner("when does the workshop open?")
		var seen []*rank.Outline
		for i := range 10 { // as many as a page of results has
			a := o.Outline(text+strings.Repeat("x", i+10), "A title")
			for _, other := range seen {
				a.Repeats(other)
			}
			seen = append(seen, a)
		}
	}
}
