package openai_test

import (
	"strings"
	"testing"

	"kvasir/internal/llm"
	"kvasir/internal/provider/openai"
	"kvasir/internal/provider/providertest"
	"kvasir/internal/provider/schema"
)

const (
	closed = `{"type":"object","properties":{"duck":{"type":"string"}},"required":["duck"],"additionalProperties":false}`
	open   = `{"type":"object","properties":{"duck":{"type":"string"}}}`
	list   = `{"type":"array","items":{"type":"string"}}`
)

func TestAnswersAreHeldToASchema(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, model string
		mode        schema.Mode
		schema      string
		format      string
		told        bool
	}{
		{"a closed object", "gpt-4o-mini", schema.Full, closed, "json_schema", false},
		{"an open object", "gpt-4o-mini", schema.Full, open, "json_object", true},
		{"a list", "gpt-4o-mini", schema.Full, list, "", true},
		{"a server that knows objects only", "qwen", schema.Object, closed, "json_object", true},
		{"a server that knows nothing of it", "qwen", schema.Prompt, closed, "", true},
		{"a server of one's own", "qwen", schema.Full, closed, "json_schema", false},
		{"a model that knows objects only", "gpt-3.5-turbo-0125", schema.Full, closed, "json_object", true},
		{"a model that knows nothing of it", "gpt-4-0613", schema.Full, closed, "", true},
		{"a newer one of a similar name", "gpt-4.1-mini", schema.Full, closed, "json_schema", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			srv, c := start(t, providertest.Options{})
			srv.Next(providertest.Chat, providertest.Action{Text: `{"duck": "a duck"}`})
			req := ask("Which?")
			req.Schema = &llm.Schema{Name: "ducks", JSON: []byte(tt.schema)}
			g := c.Generator(openai.GenerateConfig{Model: tt.model, JSON: tt.mode})
			pieces, _, err := collect(g.Generate(t.Context(), req))
			if got := strings.Join(pieces, ""); err != nil || got != `{"duck": "a duck"}` || len(pieces) < 2 {
				t.Errorf("answer %q, %v, want it streamed", pieces, err)
			}
			asked := srv.Requests(providertest.Chat)[0]
			held := ""
			if tt.format == "json_schema" {
				held = tt.schema
			}
			if asked.Format != tt.format || asked.Schema != held {
				t.Errorf("held to %q %s, want %q %s", asked.Format, asked.Schema, tt.format, held)
			}
			if told := strings.Contains(asked.Texts[0], tt.schema); told != tt.told {
				t.Errorf("the system says %q", asked.Texts[0])
			}
			if len(asked.Texts) != 2 || !strings.HasPrefix(asked.Texts[0], "Be brief.") || asked.Texts[1] != "Which?" {
				t.Errorf("messages %q", asked.Texts)
			}
		})
	}
}

func TestTextsHaveNoFormat(t *testing.T) {
	t.Parallel()
	srv, c := start(t, providertest.Options{})
	g := c.Generator(openai.GenerateConfig{Model: "m"})
	if _, _, err := collect(g.Generate(t.Context(), ask("Why?"))); err != nil {
		t.Fatal(err)
	}
	if asked := srv.Requests(providertest.Chat)[0]; asked.Format != "" || asked.Texts[0] != "Be brief." {
		t.Errorf("asked for %q with %q", asked.Format, asked.Texts)
	}
}

// A server that does not know the format says so. Nothing is tried twice here.
func TestARefusedFormatIsABadRequest(t *testing.T) {
	t.Parallel()
	srv, c := start(t, providertest.Options{})
	srv.Next(providertest.Chat, providertest.Fail(400, "'response_format.type' must be 'text'"))
	req := ask("Why?")
	req.Schema = &llm.Schema{Name: "ducks", JSON: []byte(closed)}
	_, _, err := collect(c.Generator(openai.GenerateConfig{Model: "m"}).Generate(t.Context(), req))
	if llm.ClassOf(err) != llm.ClassBadRequest || srv.Totals(providertest.Chat).Requests != 1 {
		t.Errorf("%v after %d requests, want a bad request after one", err, srv.Totals(providertest.Chat).Requests)
	}
}
