package gemini_test

import (
	"strings"
	"testing"

	"kvasir/internal/llm"
	"kvasir/internal/provider/gemini"
	"kvasir/internal/provider/providertest"
	"kvasir/internal/provider/schema"
)

func TestAnswersAreHeldToASchema(t *testing.T) {
	t.Parallel()
	const (
		known = `{"type":"object","properties":{"duck":{"type":"string"}},"required":["duck"]}`
		more  = `{"type":"object","properties":{"duck":{"type":"string","pattern":"^a"}},"required":["duck"]}`
	)
	tests := []struct {
		name, model string
		mode        schema.Mode
		schema      string
		held        bool
		told        bool
	}{
		{"a schema in its words", "gemini-2.5-pro", schema.Full, known, true, false},
		{"a schema with others", "gemini-2.5-pro", schema.Full, more, true, true},
		{"a model that knows nothing of it", "models/gemma-3-27b-it", schema.Full, known, false, true},
		{"by the prompt", "gemini-2.5-pro", schema.Prompt, known, false, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			srv := providertest.Start(providertest.Options{})
			t.Cleanup(srv.Close)
			srv.Next(providertest.Chat, providertest.Action{Text: `{"duck": "a duck"}`})
			g := client(t, srv.GeminiURL()).Generator(gemini.GenerateConfig{Model: tt.model, JSON: tt.mode})
			var said strings.Builder
			for event, err := range g.Generate(t.Context(), llm.GenerateRequest{
				Messages: []llm.Message{{Role: llm.RoleUser, Text: "Which?"}},
				Schema:   &llm.Schema{Name: "ducks", JSON: []byte(tt.schema)},
			}) {
				if err != nil {
					t.Fatal(err)
				}
				said.WriteString(event.Text)
			}
			if said.String() != `{"duck": "a duck"}` {
				t.Errorf("answer %q", said.String())
			}
			asked := srv.Requests(providertest.Chat)[0]
			format, held := "", ""
			if tt.held {
				format, held = "application/json", known
			}
			if asked.Format != format || asked.Schema != held {
				t.Errorf("held to %q %s, want %q %s", asked.Format, asked.Schema, format, held)
			}
			if told := strings.Contains(asked.Texts[0], tt.schema); told != tt.told {
				t.Errorf("it was told %q", asked.Texts)
			}
		})
	}
}
