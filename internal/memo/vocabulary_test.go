package memo_test

import (
	"cmp"
	"encoding/json"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"kvasir/internal/memo"
)

func TestPairsAreWhatFiltersCompare(t *testing.T) {
	t.Parallel()
	raw := json.RawMessage(` {"s": "a \"b\"", "n": 1.50, "t": true, "z": null, "o": {"x": 1}, "l": [1]}`)
	got := memo.Pairs(raw)
	slices.SortFunc(got, func(a, b memo.Pair) int { return cmp.Compare(a.Key, b.Key) })
	want := []memo.Pair{{Key: "n", Value: "1.50"}, {Key: "s", Value: `a "b"`}, {Key: "t", Value: "true"}}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("Pairs (-want +got):\n%s", diff)
	}
	for _, p := range got {
		f := memo.Filter{Type: memo.FilterMetadata, Field: p.Key, Operator: "eq", Values: []string{p.Value}}
		if !(memo.Filters{f}).Match(&memo.Attributes{Metadata: raw}) {
			t.Errorf("%+v does not match where it comes from", p)
		}
	}
	for _, bad := range []string{"", "{}", "null", "[1]", "{"} {
		if got := memo.Pairs(json.RawMessage(bad)); got != nil {
			t.Errorf("Pairs(%q) = %v", bad, got)
		}
	}
}
