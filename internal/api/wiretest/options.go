package wiretest

import (
	"slices"
	"testing"
)

// every is a retrieval that has all it may have, spelled in both ways.
const every = `{"fusion":"rrf","diversity":0.5,"recency":{"half_life_days":30,"weight":0.2},"tagBoosts":{"birds":2},
	"keep_duplicates":true,"multiQuery":true,"hyde":true,"infer_filters":true,"unknown":{}`

// testOptions looks at what Skald does not have: the options of retrieval, and what
// is told of it.
func (c *client) testOptions(t *testing.T) {
	c.create(t, `{"title":"Kiwis","content":"Kiwis sleep by day.","tags":["birds"]}`)
	plain := c.call(t, "POST", "/api/v1/search", `{"query":"Kiwis sleep","explain":false,"retrieval":null}`).must(t, 200)
	for _, key := range []string{"explanation", "inferred_filters"} {
		if _, there := plain[key]; there {
			t.Errorf("%s although it was not asked for", key)
		}
	}
	told := c.call(t, "POST", "/api/v1/search", `{"query":"Kiwis sleep","explain":true,"retrieval":`+every+
		`,"rerank":false,"candidates":20,"maxDistance":1}}`).must(t, 200)
	if len(told["results"].([]any)) == 0 {
		t.Error("with every option nothing is found")
	}
	explanation, _ := told["explanation"].(map[string]any)
	stages, _ := explanation["stages"].([]any)
	if len(stages) == 0 {
		t.Fatalf("explanation = %v", told["explanation"])
	}
	for _, one := range stages {
		s := one.(map[string]any)
		took, timed := s["took_ms"].(float64)
		_, named := s["name"].(string)
		_, counted := s["total"].(float64)
		if !named || !timed || !counted || took < 0 {
			t.Errorf("stage %v", s)
		}
		for _, key := range []string{"notes", "candidates", "dropped"} {
			if _, isList := s[key].([]any); !isList {
				t.Errorf("%s of a stage = %v", key, s[key])
			}
		}
	}
	const config = `"explain":true,"rag_config":{"references":{"enabled":true},"agentic":{"enabled":false},"retrieval":` +
		every + `}}`
	const question = `{"query":"Kiwis sleep by day",` + config
	c.call(t, "POST", "/api/v1/chat", question+`,"response_format":{"type":"text"}}`).must(t, 200)
	known := []string{"step", "token", "citations", "flags", "references", "explanation", "done"}
	reached := 0
	for _, e := range events(t, c.call(t, "POST", "/api/v1/chat", question+`,"stream":true}`)) {
		at := slices.Index(known, e["type"].(string))
		if at < reached {
			t.Errorf("event %v after %s", e, known[reached])
		}
		reached = max(reached, at)
		if content, there := e["content"]; there && content != nil {
			if _, isText := content.(string); !isText {
				t.Errorf("content of %v is no text", e)
			}
		}
	}
}
