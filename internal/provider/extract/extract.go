// Package extract answers questions offline, by quotation: it picks the sentences
// of the passages that cover the question's words best, and says so when none
// does. It never writes a word of its own into an answer.
//
// The passages are read as Markdown: a sentence, a list item, a table row and a
// line of code can be quoted ([unit]); headings only tell what is below them. A
// [question] is its words that an answer would have, weighted by how rare they are.
// A unit answers it if it covers enough of that weight, by its own words and, for
// less, by those around it: the sentence before, the headings, the rest of its
// passage. What fits least is left out rather than shown.
package extract

import (
	"context"
	"fmt"
	"iter"
	"strings"

	"kvasir/internal/conversation"
	"kvasir/internal/llm"
)

// Model is the name under which this generator shows.
const Model = "extractive"

// A Generator implements [llm.Generator]. It is safe for concurrent use.
type Generator struct{}

// New returns a generator.
func New() *Generator { return &Generator{} }

// Model implements [llm.Generator].
func (*Generator) Model() string { return Model }

// Generate implements [llm.Generator]: it answers req.Question from
// req.Documents. Without a question it is asked to write, which it cannot.
func (*Generator) Generate(ctx context.Context, req llm.GenerateRequest) iter.Seq2[llm.Event, error] {
	return func(yield func(llm.Event, error) bool) {
		if req.Question == "" {
			yield(llm.Event{}, &llm.Error{
				Class: llm.ClassBadRequest, Provider: Model, Message: "it can only quote passages that answer a question",
			})
			return
		}
		for piece := range pieces(answer(req.Question, req.Documents)) {
			if err := ctx.Err(); err != nil {
				yield(llm.Event{}, err)
				return
			}
			if !yield(llm.Event{Text: piece}, nil) {
				return
			}
		}
	}
}

// pieces cuts a text after each run of white space, for streaming.
func pieces(text string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for text != "" {
			end := strings.IndexAny(text, " \n") + 1
			for end > 0 && end < len(text) && (text[end] == ' ' || text[end] == '\n') {
				end++
			}
			if end <= 0 {
				end = len(text)
			}
			if !yield(text[:end]) {
				return
			}
			text = text[end:]
		}
	}
}

// answer quotes the best sentences, each with the number of its passage.
func answer(question string, documents []llm.Document) string {
	chosen := choose(question, documents)
	if len(chosen) == 0 {
		var around []string
		if len(documents) > 0 {
			around = append(around, documents[0].Text)
		}
		return conversation.Refusal(question, around...)
	}
	var b strings.Builder
	for i, u := range chosen {
		switch {
		case i == 0:
		case u.form != sentence || chosen[i-1].form != sentence || u.number != chosen[i-1].number:
			b.WriteString("\n\n")
		default:
			b.WriteByte(' ')
		}
		fmt.Fprintf(&b, "%s [[%d]]", u.text, u.number)
	}
	return b.String()
}
