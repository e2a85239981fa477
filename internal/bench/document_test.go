package bench

import (
	"encoding/xml"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"time"
)

func TestADocumentHoldsTheFigures(t *testing.T) {
	t.Parallel()
	r := &Report{Scenario: "accept", About: "memos accepted", Conditions: []string{"on SQLite"}}
	r.add("accepted", unitPerS, 2500.4).against(3000).atLeast(0.8)
	r.add("p99", unitMs, 61.25).atMost(50, "< 50 ms")
	r.add("memory", unitMB, math.NaN())
	d := Document{
		Machine: "a machine", Began: time.Date(2026, 11, 23, 16, 0, 0, 0, time.UTC), Command: "kvasir bench all", Version: "1",
		Reports: []*Report{r}, Curve: []Point{{10_000, 1.5}, {100_000, 4}, {1_000_000, math.NaN()}},
	}
	text := string(d.Markdown())
	for _, want := range []string{
		"`kvasir bench all`", "2026-11-23 16:00 UTC", "a machine", "* on SQLite",
		"| accepted | 2500 /s | 3000 /s | ≥ 80 % of it | met |", "| p99 | 61.25 ms |  | < 50 ms | **missed** |", "| memory |  |  |  |  |",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	for _, curve := range [][]Point{nil, {{1, 1}}, d.Curve} {
		plot := string((&Document{Curve: curve}).Plot())
		in := xml.NewDecoder(strings.NewReader(plot))
		for {
			if _, err := in.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%v in %s", err, plot)
			}
		}
	}
	if got := r.Figure("p99"); got != 61.25 {
		t.Errorf("p99 is %v", got)
	}
}
