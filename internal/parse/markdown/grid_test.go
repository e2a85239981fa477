package markdown

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// cells returns cells of one column and row.
func cells(texts ...string) []Cell {
	row := make([]Cell, len(texts))
	for i, text := range texts {
		row[i].Text = text
	}
	return row
}

func TestExpand(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		rows    [][]Cell
		headers int
		want    [][]string
	}{
		{"names of columns are a header", [][]Cell{cells("Tea", "Sort"), cells("Assam", "black")}, 0,
			[][]string{{"Tea", "Sort"}, {"Assam", "black"}}},
		{"data is none", [][]Cell{cells("Assam", "12"), cells("Sencha", "7")}, 0,
			[][]string{{"", ""}, {"Assam", "12"}, {"Sencha", "7"}}},
		{"two headers become one", [][]Cell{
			{{Text: "Tea", Rows: 2}, {Text: "Price", Columns: 2}}, cells("low", "high"), cells("Assam", "1", "2"),
		}, 2, [][]string{{"Tea", "Price low", "Price high"}, {"Assam", "1", "2"}}},
		{"a cell over rows", [][]Cell{
			cells("A", "B"), {{Text: "x", Rows: 2}, {Text: "1"}}, cells("2"), cells("y", "3"),
		}, 1, [][]string{{"A", "B"}, {"x", "1"}, {"x", "2"}, {"y", "3"}}},
		{"a row that names others stands once", [][]Cell{cells("A", "B"), {{Text: "Black", Columns: 2}}, cells("x", "1")}, 1,
			[][]string{{"A", "B"}, {"Black", ""}, {"x", "1"}}},
		{"what is empty is left out", [][]Cell{cells("A", "", "B"), cells("", "", ""), cells("x", "", "1")}, 1,
			[][]string{{"A", "B"}, {"x", "1"}}},
		{"names of rows are no header", [][]Cell{cells("Sort", "black"), cells("Origin", "India")}, -1,
			[][]string{{"", ""}, {"Sort", "black"}, {"Origin", "India"}}},
		{"nothing", [][]Cell{cells("", "")}, 0, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, ok := Expand(test.rows, test.headers, 1000)
			if diff := cmp.Diff(test.want, got); diff != "" || !ok {
				t.Errorf("Expand is %v (-want +got):\n%s", ok, diff)
			}
		})
	}
}

func TestExpandIsBounded(t *testing.T) {
	t.Parallel()
	long := [][]Cell{{{Text: "four", Columns: 1000}}}
	if _, ok := Expand(long, 1, 1000); ok {
		t.Error("a thousand columns fit into a thousand bytes")
	}
	var wide [][]Cell
	for range 1000 {
		wide = append(wide, []Cell{{Columns: 1 << 30, Rows: 1 << 30}})
	}
	if _, ok := Expand(wide, 0, 1<<40); ok {
		t.Error("a thousand cells became billions")
	}
}

func TestFormula(t *testing.T) {
	t.Parallel()
	sign := func(name, text string) Formula { return Formula{Name: name, Text: text} }
	tests := []struct {
		formula Formula
		want    string
	}{
		{Formula{Name: "msup", Parts: []Formula{sign("mi", "x"), sign("mn", "2")}}, "x^2"},
		{Formula{Name: "mfrac", Parts: []Formula{
			{Name: "mrow", Parts: []Formula{sign("mi", "a"), sign("mo", "+"), sign("mi", "b")}}, sign("mi", "c"),
		}}, "(a + b)/c"},
		{Formula{Name: "msqrt", Parts: []Formula{sign("mn", "10")}}, "√10"},
		{Formula{Name: "semantics", Parts: []Formula{sign("mi", "y"), sign("annotation", "why")}}, "y"},
	}
	for _, test := range tests {
		if got := test.formula.String(); got != test.want {
			t.Errorf("%v = %q, want %q", test.formula, got, test.want)
		}
	}
}

func TestRaised(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"6": "⁶", "-12": "⁻¹²", "th": "th", "1,2": "1,2", "": ""} {
		if got := Raised(text); got != want {
			t.Errorf("Raised(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestFenced(t *testing.T) {
	t.Parallel()
	var w Writer
	w.Fenced("go", "\n  x\n")
	w.Fenced("", " \n")
	w.Fenced("", "```")
	if want := "```go\n  x\n```\n\n````\n```\n````\n"; w.String() != want {
		t.Errorf("wrote %q, want %q", w.String(), want)
	}
}
