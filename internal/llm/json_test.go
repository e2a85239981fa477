package llm_test

import (
	"strings"
	"testing"

	"kvasir/internal/llm"
)

func TestFindObject(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, said, want string }{
		{"bare", `{"a": 1}`, `{"a": 1}`},
		{"fenced", "```json\n{\"a\": {\"b\": []}}\n```", `{"a": {"b": []}}`},
		{"in prose", `Sure {as you like}: {"a": "}"} and {"b": 2}`, `{"a": "}"}`},
		{"after thoughts", `<think>maybe {"a": 1}</think>{"a": 2}`, `{"a": 2}`},
		{"cut", `{"a": "x`, ""},
		{"a list", `[1, 2]`, ""},
		{"prose", "I cannot do that.", ""},
		{"nothing", "", ""},
		{"too many braces", strings.Repeat("{", 1000) + `{"a": 1}`, ""},
	} {
		got, ok := llm.FindObject(tt.said)
		if string(got) != tt.want || ok != (tt.want != "") {
			t.Errorf("%s: %q, %v; want %q", tt.name, got, ok, tt.want)
		}
	}
}

func FuzzFindObject(f *testing.F) {
	f.Add("```json\n{\"a\": 1}\n```")
	f.Add("{{{")
	f.Fuzz(func(t *testing.T, said string) {
		if got, ok := llm.FindObject(said); ok && (got[0] != '{' || !strings.Contains(said, string(got))) {
			t.Errorf("FindObject(%q) = %q", said, got)
		}
	})
}
