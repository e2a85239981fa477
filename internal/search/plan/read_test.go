package plan

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"kvasir/internal/memo"
	"kvasir/internal/retrieval"
)

// FuzzRead holds that of whatever a model says only what exists becomes a filter, in
// the shape in which clients send filters.
func FuzzRead(f *testing.F) {
	f.Add(`{"queries": ["a"], "hypothesis": "b", "filters": {"tags": ["x", "Y"], "metadata": {"k": "v"}}}`)
	f.Add(`{"filters": {"sources": "w", "created_from": "2024-02-30", "updated_until": "2024-02-29T"}}`)
	f.Add(`{"filters": {"metadata": [{"key": "k", "value": 1}, [], {"value": "v"}]}}`)
	marks := memo.Vocabulary{
		Tags: []string{"x", "y"}, Sources: []string{"w"},
		Metadata: []memo.Pair{{Key: "k", Value: "v"}, {Key: "k", Value: "1"}},
	}
	f.Fuzz(func(t *testing.T, said string) {
		d := draft{
			question: "q", marks: marks, now: time.Now(),
			want: retrieval.Understanding{MultiQuery: true, HyDE: true, Filters: true},
		}
		d.read(said)
		if len(d.Queries) > maxQueries || len(d.Answer) > maxHypothesisBytes || len(d.Notes) == 0 {
			t.Errorf("%q is read as %+v", said, d.Plan)
		}
		for _, filter := range d.Filters {
			known := map[string][]string{"tags": marks.Tags, "source": marks.Sources, "k": {"v", "1"}}[filter.Field]
			for _, value := range filter.Values {
				if known != nil && !slices.Contains(known, value) {
					t.Errorf("%q infers %+v", said, filter)
				}
			}
			value := any(filter.Values)
			if known == nil {
				value = filter.Values[0] // a time
			}
			raw, err := json.Marshal([]map[string]any{{
				"filter_type": filter.Type, "field": filter.Field, "operator": filter.Operator, "value": value,
			}})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := memo.ParseFilters(raw); err != nil {
				t.Errorf("%q infers %s: %v", said, raw, err)
			}
		}
	})
}
