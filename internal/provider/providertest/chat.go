package providertest

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

type message struct {
	Role    string `json:"role,omitzero"`
	Content string `json:"content"`
}

type choice struct {
	Index        int      `json:"index"`
	Delta        *message `json:"delta,omitempty"`
	Message      *message `json:"message,omitempty"`
	FinishReason *string  `json:"finish_reason"`
}

type completion struct {
	ID      string   `json:"id"`
	Object  string   `json:"object"`
	Model   string   `json:"model"`
	Choices []choice `json:"choices"`
	Usage   *usage   `json:"usage,omitempty"`
}

// chunk returns one event of a stream.
func chunk(model, text, finish string) completion {
	one := choice{Delta: &message{Content: text}}
	if finish != "" {
		one.FinishReason = &finish
	}
	return completion{ID: "chatcmpl-1", Object: "chat.completion.chunk", Model: model, Choices: []choice{one}}
}

// readChat reads OpenAI's requests for a chat completion.
func readChat(body []byte) (call, error) {
	var in struct {
		Model    string    `json:"model"`
		Messages []message `json:"messages"`
		Stream   bool      `json:"stream"`
		Format   struct {
			Type   string `json:"type"`
			Schema struct {
				Schema json.RawMessage `json:"schema"`
			} `json:"json_schema"`
		} `json:"response_format"`
		StreamOptions struct {
			IncludeUsage bool `json:"include_usage"`
		} `json:"stream_options"`
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return call{}, fmt.Errorf("read the request: %w", err)
	}
	if len(in.Messages) == 0 {
		return call{}, errors.New("'messages' is empty")
	}
	c := call{Request: Request{
		Model: in.Model, Stream: in.Stream, Format: in.Format.Type, Schema: string(in.Format.Schema.Schema),
	}}
	for _, m := range in.Messages {
		c.Texts = append(c.Texts, m.Content)
	}
	c.tokens = c.answer()
	c.voice = c.openAI(in.StreamOptions.IncludeUsage)
	c.document = func(o Options, a Action) any {
		tokens, stop := c.tokens(o, a), "stop"
		whole := choice{Message: &message{"assistant", strings.Join(tokens, "")}, FinishReason: &stop}
		return completion{
			ID: "chatcmpl-1", Object: "chat.completion", Model: in.Model,
			Choices: []choice{whole}, Usage: usageOf(c.read(), len(tokens)),
		}
	}
	return c, nil
}

// answer returns the tokens of the answer to the last message. One that holds documents
// to judge is answered by scores, and any other that is to be JSON by an empty object.
func (c *call) answer() func(Options, Action) []string {
	last := c.Texts[len(c.Texts)-1]
	scores, judged := score(last)
	return func(o Options, a Action) []string {
		switch {
		case a.Text != "":
			return strings.SplitAfter(a.Text, " ")
		case judged:
			return strings.SplitAfter(scores, ",")
		case c.Format != "":
			return []string{"{}"}
		}
		return Answer(question(last), o.Tokens)
	}
}

// openAI says an answer as OpenAI does, with the usage at its end if asked for.
func (c *call) openAI(withUsage bool) voice {
	event := func(v completion) string { return "data: " + text(v) + "\n\n" }
	return voice{
		token: func(piece string) string { return event(chunk(c.Model, piece, "")) },
		finish: func(tokens int) []string {
			last := []string{event(chunk(c.Model, "", "stop"))}
			if withUsage {
				sum := chunk(c.Model, "", "")
				sum.Choices, sum.Usage = []choice{}, usageOf(c.read(), tokens)
				last = append(last, event(sum))
			}
			return append(last, "data: [DONE]\n\n")
		},
		half:   `data: {"choices": [{"delta": {"cont` + "\n\n",
		report: func(body string) string { return "data: " + body + "\n\n" },
	}
}

// question finds the question in a message that may hold passages before it.
func question(text string) string {
	if at := strings.LastIndex(text, "Question: "); at >= 0 {
		return text[at+len("Question: "):]
	}
	return text
}

// Answer returns the n tokens, at least two, that a chat answers to a question:
// as much of the question as there is room for, filling words, and a citation.
func Answer(question string, n int) []string {
	said := append([]string{"Asked:"}, strings.Fields(question)...)
	filling := []string{"The", "passages", "say", "so,", "and", "so", "it", "is."}
	out := make([]string, 0, n)
	for i := range max(n, 2) - 1 {
		word := filling[max(i-len(said), 0)%len(filling)]
		if i < len(said) {
			word = said[i]
		}
		if i > 0 {
			word = " " + word
		}
		out = append(out, word)
	}
	return append(out, " [[1]]")
}

// score answers a message that holds a query and documents as JSON, as our judge of
// documents writes it, with the score of each. It reports false for any other.
func score(text string) (answer string, ok bool) {
	var in struct {
		Query     string `json:"query"`
		Documents []struct {
			Index int    `json:"index"`
			Text  string `json:"text"`
		} `json:"documents"`
	}
	type entry struct {
		Index int     `json:"index"`
		Score float64 `json:"score"`
	}
	out := struct {
		Scores []entry `json:"scores"`
	}{Scores: []entry{}}
	if json.Unmarshal([]byte(text), &in) != nil || len(in.Documents) == 0 {
		return "", false
	}
	for _, d := range in.Documents {
		out.Scores = append(out.Scores, entry{d.Index, Overlap(in.Query, d.Text)})
	}
	data, err := json.Marshal(out)
	return string(data), err == nil
}
