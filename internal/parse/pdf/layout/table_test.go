package layout

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// cells sets rows of cells at the given places, 16 points apart.
func (s *sheet) cells(xs []float64, base float64, rows ...string) *sheet {
	for _, row := range rows {
		for i, cell := range strings.Split(row, "|") {
			if cell != "" {
				s.set(xs[i], base, 10, cell)
			}
		}
		base += 16
	}
	return s
}

func TestTables(t *testing.T) {
	t.Parallel()
	xs := []float64{60, 200, 320}
	tests := []struct {
		name string
		page *sheet
		want string
	}{
		{"without rules",
			newSheet().cells(xs, 100, "City|Count|Share", "Berlin|553|66 %", "Rome|1,574|35 %", "Oslo||12 %"),
			"| City | Count | Share |\n| --- | --- | --- |\n| Berlin | 553 | 66 % |\n" +
				"| Rome | 1,574 | 35 % |\n| Oslo |  | 12 % |"},
		{"between lines", newSheet().column(60, 60, 10, left...).cells(xs, 130, "City|Count|Share", "Berlin|553|66 %").
			column(60, 180, 10, right...),
			strings.Join(left, " ") + "\n\n| City | Count | Share |\n| --- | --- | --- |\n" +
				"| Berlin | 553 | 66 % |\n\n" + strings.Join(right, " ")},
		{"with rules", newSheet().cells([]float64{64, 204}, 100, "a|b", "c|d", "e|").
			grid([]float64{60, 200, 300}, []float64{88, 104, 120, 136}),
			"| a | b |\n| --- | --- |\n| c | d |\n| e |  |"},
		{"side by side", newSheet().cells([]float64{64, 104, 324, 364}, 100, "a|b|e|f", "c|d|g|h").
			grid([]float64{60, 100, 140}, []float64{88, 104, 120}).grid([]float64{320, 360, 400}, []float64{88, 104, 120}),
			"| a | b |\n| --- | --- |\n| c | d |\n\n| e | f |\n| --- | --- |\n| g | h |"},
		{"a cell of two lines", newSheet().cells([]float64{64, 204}, 100, "a|The first line", "|and the second", "c|d").
			grid([]float64{60, 200, 300}, []float64{88, 120, 136}),
			"| a | The first line and the second |\n| --- | --- |\n| c | d |"},
		{"level rules only, with a title", newSheet().
			cells([]float64{60, 200, 320}, 100, "Name|What it is|Count", "Ann|a person|1", "Bob|another|2").
			grid([]float64{60, 380}, []float64{88, 104, 140}).withoutUpright(),
			"| Name | What it is | Count |\n| --- | --- | --- |\n| Ann | a person | 1 |\n| Bob | another | 2 |"},
		{"a box around text is none", newSheet().column(64, 100, 10, left...).grid([]float64{60, 320}, []float64{88, 150}),
			strings.Join(left, " ")},
		{"names and values", newSheet().cells([]float64{60, 200}, 100, "Invoice|2024-17", "Customer|4711", "Total|142.80"),
			"| Invoice | 2024-17 |\n| --- | --- |\n| Customer | 4711 |\n| Total | 142.80 |"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, written(test.page)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// withoutUpright drops the upright rules.
func (s *sheet) withoutUpright() *sheet {
	var level []Box
	for _, r := range s.Rules {
		if r.Width() > r.Height() {
			level = append(level, r)
		}
	}
	s.Rules = level
	return s
}

func TestStretchedLinesAreNoTable(t *testing.T) {
	t.Parallel()
	s := newSheet()
	for i, words := range [][]string{
		{"several", "columns", "narrow"}, {"whenever", "it", "happens"}, {"the", "wide", "gaps"},
	} {
		chars := 0
		for _, w := range words {
			chars += len(w)
		}
		gap, x := (160-5*float64(chars))/2, 60.0
		for _, w := range words {
			s.set(x, 100+12*float64(i), 10, w)
			x += 5*float64(len(w)) + gap
		}
	}
	if got, want := written(s), "several columns narrow whenever it happens the wide gaps"; got != want {
		t.Errorf("text = %q, want %q", got, want)
	}
}

func TestFurnitureGoes(t *testing.T) {
	t.Parallel()
	var pages []*sheet
	for i, chapter := range []string{"Beginnings", "The storm", "Today", "Tomorrow"} {
		pages = append(pages, newSheet().set(60, 40, 8, chapter+" "+string(rune('1'+i))).
			column(60, 120, 10, left...).set(250, 810, 8, "Confidential"))
	}
	got := written(pages...)
	if strings.Contains(got, "Confidential") || strings.Contains(got, "storm") {
		t.Errorf("headers or footers are left in:\n%s", got)
	}
	if n := strings.Count(got, left[0]); n != 4 {
		t.Errorf("%d of 4 pages have their text", n)
	}
}
