package api

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"kvasir/internal/chat"
	"kvasir/internal/fault"
	"kvasir/internal/memo"
	"kvasir/internal/retrieval"
)

// everyOption is all that a search and a question may choose, in both spellings.
const (
	everyOption = `"fusion":"rrf","diversity":0.25,"recency":{"half_life_days":1.5,"weight":0.75},
		"tag_boosts":{"topK":2,"maxSteps":0},"keep_duplicates":true,"multi_query":true,"hyde":true,"infer_filters":true`
	everyCamel = `"fusion":"rrf","diversity":0.25,"recency":{"halfLifeDays":1.5,"weight":0.75},
		"tagBoosts":{"topK":2,"maxSteps":0},"keepDuplicates":true,"multiQuery":true,"hyde":true,"inferFilters":true`
)

func everything() retrieval.Options {
	return retrieval.Options{
		Fusion: retrieval.FusionRRF, Diversity: 0.25, KeepDuplicates: true,
		Recency:    retrieval.Recency{HalfLife: 36 * time.Hour, Weight: 0.75},
		TagBoosts:  map[string]float64{"topK": 2, "maxSteps": 0}, // names of tags stay as they are
		Understand: retrieval.Understanding{MultiQuery: true, HyDE: true, Filters: true},
	}
}

// with returns every option, changed.
func with(change func(*retrieval.Options)) retrieval.Options {
	o := everything()
	change(&o)
	return o
}

func TestSearchOptions(t *testing.T) {
	t.Parallel()
	all := with(func(o *retrieval.Options) {
		o.SkipRerank, o.Candidates, o.MaxDistance, o.Explain = true, 7, new(0.0), true
	})
	const explain = `,"explain":true,"retrieval":`
	for name, c := range map[string]struct {
		body string
		want retrieval.Options
	}{
		"nothing":    {``, retrieval.Options{}},
		"nulls":      {`,"retrieval":null,"explain":null`, retrieval.Options{}},
		"snake_case": {explain + `{"rerank":false,"candidates":7,"max_distance":0,` + everyOption + `}`, all},
		"camelCase":  {explain + `{"rerank":false,"candidates":7,"maxDistance":0,` + everyCamel + `}`, all},
		"nulls inside": {`,"retrieval":{"fusion":null,"diversity":null,"recency":null,"tag_boosts":null,"rerank":null,
			"candidates":null,"max_distance":null,"keep_duplicates":null}`, retrieval.Options{}},
		"weighted, and what nobody knows": {`,"retrieval":{"fusion":"weighted","colour":7}`, retrieval.Options{}},
		"a weight by default": {`,"retrieval":{"recency":{"half_life_days":1}}`,
			retrieval.Options{Recency: retrieval.Recency{HalfLife: 24 * time.Hour, Weight: 0.5}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var body searchBody
			if err := unmarshal([]byte(`{"query":"q"`+c.body+`}`), &body); err != nil {
				t.Fatal(err)
			}
			got, err := body.validate()
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got.Options); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestRAGConfigOptions(t *testing.T) {
	t.Parallel()
	defaults := retrieval.Options{Candidates: 50}
	for name, c := range map[string]struct {
		config string
		want   chat.Options
	}{
		"nulls": {`"retrieval":null,"agentic":null`, chat.Options{Context: 25, Retrieval: defaults}},
		"snake_case": {`"retrieval":{` + everyOption + `},"agentic":{"enabled":true,"max_steps":10}`,
			chat.Options{Context: 25, Agentic: true, MaxSteps: 10,
				Retrieval: with(func(o *retrieval.Options) { o.Candidates = 50 })}},
		"camelCase": {`"retrieval":{` + everyCamel + `},"agentic":{"enabled":true,"maxSteps":10}`,
			chat.Options{Context: 25, Agentic: true, MaxSteps: 10,
				Retrieval: with(func(o *retrieval.Options) { o.Candidates = 50 })}},
		"what only a search may choose": {`"retrieval":{"rerank":false,"candidates":7,"max_distance":2}`,
			chat.Options{Context: 25, Retrieval: defaults}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var body chatBody
			if err := unmarshal([]byte(`{"query":"q","rag_config":{`+c.config+`}}`), &body); err != nil {
				t.Fatal(err)
			}
			got, err := body.validate((&backend{}).Providers())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got.Options); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestBadOptionsAreNamed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ options, invalid, mustBe string }{
		{`"retrieval":[]`, "retrieval: ", "an object"},
		{`"retrieval":{"fusion":"sum"}`, "retrieval.fusion: sum", "one of: weighted, rrf"},
		{`"retrieval":{"fusion":7}`, "retrieval.fusion: 7", "one of: weighted, rrf"},
		{`"retrieval":{"diversity":1.5}`, "retrieval.diversity: 1.5", "a number between 0 and 1"},
		{`"retrieval":{"recency":7}`, "retrieval.recency: 7", "an object"},
		{`"retrieval":{"recency":{}}`, "retrieval.recency.half_life_days: undefined", "a number"},
		{`"retrieval":{"recency":{"half_life_days":null}}`, "retrieval.recency.half_life_days: null", "a number"},
		{
			`"retrieval":{"recency":{"half_life_days":-1}}`,
			"retrieval.recency.half_life_days: -1", "a number between 0 and 36500",
		},
		{
			`"retrieval":{"recency":{"half_life_days":1e999}}`,
			"retrieval.recency.half_life_days: +Inf", "a number between 0 and 36500",
		},
		{`"retrieval":{"tag_boosts":["a"]}`, "retrieval.tag_boosts: a", "an object"},
		{`"retrieval":{"tag_boosts":{"a":1,"b":11}}`, "retrieval.tag_boosts.b: 11", "a number between 0 and 10"},
		{`"retrieval":{"tag_boosts":{"a":null}}`, "retrieval.tag_boosts.a: null", "a number between 0 and 10"},
		{`"retrieval":{"multi_query":"yes"}`, "retrieval.multi_query: yes", "a boolean"},
		{`"retrieval":{"inferFilters":1}`, "retrieval.infer_filters: 1", "a boolean"},
		{`"agentic":true`, "agentic: true", "an object"},
		{`"agentic":{"enabled":"x"}`, "agentic enabled: x", "a boolean"},
		{`"agentic":{"max_steps":11}`, "agentic.max_steps: 11", "a whole number between 1 and 10"},
		{`"agentic":{"maxSteps":1.5}`, "agentic.max_steps: 1.5", "a whole number between 1 and 10"},
	} {
		want := "Invalid " + c.invalid + ". Must be " + c.mustBe + "."
		var inChat chatBody
		if err := unmarshal([]byte(`{"query":"q","rag_config":{`+c.options+`}}`), &inChat); err != nil {
			t.Fatal(err)
		}
		if _, err := inChat.validate((&backend{}).Providers()); fault.Message(err) != want {
			t.Errorf("rag_config %s: %v, want %s", c.options, err, want)
		}
		if strings.Contains(c.options, "agentic") {
			continue
		}
		var inSearch searchBody
		if err := unmarshal([]byte(`{"query":"q",`+c.options+`}`), &inSearch); err != nil {
			t.Fatal(err)
		}
		if _, err := inSearch.validate(); fault.Message(err) != want {
			t.Errorf("search %s: %v, want %s", c.options, err, want)
		}
	}
}

// explained is what a search may tell.
func explained() retrieval.Found {
	return retrieval.Found{
		Inferred: memo.Filters{
			{Type: "native_field", Field: "tags", Operator: "in", Values: []string{"travel"}},
			{Type: "custom_metadata", Field: "year", Operator: "eq", Values: []string{"2026"}},
			{Type: "scope", Field: "team", Operator: "eq", Null: true},
		},
		Explanation: &retrieval.Explanation{Stages: []retrieval.Stage{
			{
				Name: "fuse", Took: 1234567 * time.Nanosecond, Notes: []string{"weight of words 0.62"}, Total: 2,
				Candidates: []retrieval.Candidate{{Chunk: "k", Memo: "m", Title: "T", Score: 1.0 / 3}},
				Dropped:    []retrieval.Dropped{{Chunk: "l", Memo: "n", Reason: "farther than 0.75"}},
			},
			{Name: "cut"},
		}},
	}
}

const (
	explainedFilters = `"inferred_filters":[` +
		`{"field":"tags","operator":"in","value":["travel"],"filter_type":"native_field"},` +
		`{"field":"year","operator":"eq","value":"2026","filter_type":"custom_metadata"},` +
		`{"field":"team","operator":"eq","value":null,"filter_type":"scope"}]`
	explainedStages = `"stages":[{"name":"fuse","took_ms":1.235,"notes":["weight of words 0.62"],"total":2,` +
		`"candidates":[{"chunk_uuid":"k","memo_uuid":"m","memo_title":"T","score":0.333333}],` +
		`"dropped":[{"chunk_uuid":"l","memo_uuid":"n","reason":"farther than 0.75"}]},` +
		`{"name":"cut","took_ms":0,"notes":[],"total":0,"candidates":[],"dropped":[]}]`
)

func TestASearchIsExplained(t *testing.T) {
	t.Parallel()
	b := &backend{found: explained()}
	base := serve(t, b.config(t))
	status, got := post(t, base+"/api/v1/search", `{"query":"q","explain":true}`)
	want := `{"results":[],` + explainedFilters + `,"explanation":{` + explainedStages + "}}\n"
	if status != 200 || got != want {
		t.Errorf("%d, -want +got:\n%s", status, cmp.Diff(want, got))
	}
	b.found = retrieval.Found{}
	if _, got := post(t, base+"/api/v1/search", `{"query":"q"}`); got != "{\"results\":[]}\n" {
		t.Errorf("without anything to tell: %s", got)
	}
}
