package agent

import (
	"strings"
	"testing"
)

// FuzzReadMove holds that whatever a model says is a call that can be carried out, or
// none.
func FuzzReadMove(f *testing.F) {
	f.Add(`{"tool": "search", "query": "x", "filters": [{"field": "tags"}]}`)
	f.Add(`{"tool": "read_memo", "memo": "m", "from": "-3", "passages": ["1", 2, null]}`)
	f.Add("```json\n{\"tool\": \"answer\"}\n```")
	f.Add(`{"tool": "search", "query": {"q": 1}}`)
	f.Fuzz(func(t *testing.T, said string) {
		m, ok := readMove(said)
		if !ok {
			return
		}
		switch m.Tool {
		case toolSearch, toolRead, toolTags, toolAnswer:
		default:
			t.Fatalf("%q is the call of no tool", said)
		}
		if m.from() < 0 || len(m.chosen()) > len(m.Passages) || m.Tool == toolSearch && strings.TrimSpace(m.Query) == "" {
			t.Errorf("%q is read as %+v", said, m)
		}
	})
}
