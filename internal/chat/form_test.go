package chat_test

import (
	"strings"
	"testing"

	"kvasir/internal/chat"
	"kvasir/internal/fault"
	"kvasir/internal/llm"
)

var citySchema = &llm.Schema{Name: "place", JSON: []byte(
	`{"type":"object","properties":{"city":{"type":"string"}},"required":["city"],"additionalProperties":false}`)}

func TestAnswersOfAForm(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		said   []string
		want   string // the answer
		asked  int
		failed string
	}{
		{"right", []string{`{"city": "Uppsala [[1]]"}`}, `{"city":"Uppsala [[1]]"}`, 1, ""},
		{"in a fence", []string{"```json\n{\"city\": \"Uppsala\"}\n```"}, `{"city":"Uppsala"}`, 1, ""},
		{"mended", []string{`{"town": "Uppsala"}`, `{"city": "Uppsala"}`}, `{"city":"Uppsala"}`, 2, ""},
		{"wrong twice", []string{"I do not know.", `{"city": 7}`}, "", 2, "/city: got number, want string"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := &writer{each: c.said}
			r := open(t, w)
			events := r.ask(chat.Question{Text: "Where?", Options: chat.Options{Schema: citySchema, References: true}})
			if len(w.requests) != c.asked || w.requests[0].Schema != citySchema {
				t.Errorf("the model was asked %d times, want %d; with the schema %v", len(w.requests), c.asked, w.requests[0].Schema)
			}
			var said strings.Builder
			var failed error
			cited := 0
			for _, e := range events {
				said.WriteString(e.Token)
				cited += len(e.Citations)
				if e.Err != nil {
					failed = e.Err
				}
				if len(e.Flags) > 0 {
					t.Errorf("a JSON value is flagged: %+v", e.Flags)
				}
			}
			if said.String() != c.want || cited != strings.Count(c.want, "[[") {
				t.Errorf("answered %q with %d citations, want %q", said.String(), cited, c.want)
			}
			if (failed == nil) != (c.failed == "") || failed != nil &&
				(fault.KindOf(failed) != fault.Unavailable || !strings.Contains(failed.Error(), c.failed)) {
				t.Errorf("failed by %v, want %q", failed, c.failed)
			}
			if c.asked == 2 {
				last := w.requests[1].Messages
				if n := len(last); last[n-2].Text != c.said[0] || !strings.HasPrefix(last[n-1].Text, "That is not a JSON value") {
					t.Errorf("the second request ends with %+v", last[n-2:])
				}
			}
		})
	}
}

func TestFormsThatAreRefused(t *testing.T) {
	t.Parallel()
	r := open(t, &writer{})
	for name, q := range map[string]chat.Question{
		"of who only quotes": {Text: "Where?", Options: chat.Options{Provider: "extractive", Schema: citySchema}},
		"that means nothing": {Text: "Where?", Options: chat.Options{Schema: &llm.Schema{JSON: []byte(`{"type":"town"}`)}}},
	} {
		q.Project = r.project
		if _, err := r.Ask(t.Context(), q); fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), "response_format") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
