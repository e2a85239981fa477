package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"kvasir/client"
)

// An askCommand asks a question.
type askCommand struct {
	server

	Question string `arg:"" help:"The question; - reads it from stdin."`
	Chat     string `placeholder:"ID" help:"Continue this chat."`
	System   string `placeholder:"TEXT" help:"Further instructions for the model."`
	JSON     bool   `name:"json" help:"Print JSON, when the answer is complete."`
}

// Help shows examples.
func (askCommand) Help() string {
	return `Prints the answer as it is written, and then the passages that it cites.

Examples:

    kvasir ask "How does a memo become searchable?"
    kvasir ask --chat 0197a1f2-2f57-7c3e-9d51-6b0f7a1c2d3e "And what if that fails?"
    kvasir ask --json "What do herons eat?"`
}

// maxQuestion bounds a question from stdin, in bytes.
const maxQuestion = 1 << 20

// Run asks.
func (c *askCommand) Run(ctx context.Context, s *session) error {
	question := c.Question
	if question == "-" {
		raw, err := io.ReadAll(io.LimitReader(s.Stdin, maxQuestion))
		if err != nil {
			return fmt.Errorf("read the question: %w", err)
		}
		question = strings.TrimSpace(string(raw))
	}
	r := client.ChatRequest{
		Query: question, ChatID: c.Chat, SystemPrompt: c.System,
		RAG: &client.RAGConfig{References: &client.Toggle{Enabled: true}},
	}
	if !c.JSON {
		answer, err := s.ask(ctx, c.client(s), r)
		if err == nil {
			s.err.printf("%s\n", s.err.dim("Continue with --chat "+answer.ChatID))
		}
		return err
	}
	answer, err := collect(c.client(s).StreamChat(ctx, r), func(string) {})
	if err != nil {
		return err
	}
	return s.printJSON(answer)
}

// ask prints an answer as it is written, and its sources.
func (s *session) ask(ctx context.Context, c *client.Client, r client.ChatRequest) (client.Answer, error) {
	answer, err := collect(c.StreamChat(ctx, r), func(text string) { s.out.printf("%s", clean(text)) })
	if answer.Text != "" {
		s.out.printf("\n")
	}
	if err != nil {
		return answer, err
	}
	s.printSources(answer.Citations)
	return answer, nil
}

// collect takes a streamed answer to its end and hands on each piece of its
// text.
func collect(events func(func(client.Event, error) bool), show func(string)) (client.Answer, error) {
	answer := client.Answer{Citations: []client.Citation{}}
	var text strings.Builder
	for event, err := range events {
		if err != nil {
			answer.Text = text.String()
			return answer, err
		}
		if event.Text != "" {
			show(event.Text)
			text.WriteString(event.Text)
		}
		answer.Citations = append(answer.Citations, event.Citations...)
		if event.Type == client.EventReferences {
			answer.References = event.References
		}
		answer.ChatID = event.ChatID
	}
	answer.Text = text.String()
	if answer.ChatID == "" {
		return answer, errors.New("the answer names no chat")
	}
	return answer, nil
}

// printSources lists what an answer cites, each passage once.
func (s *session) printSources(cited []client.Citation) {
	if len(cited) == 0 {
		return
	}
	cited = slices.Clone(cited)
	slices.SortStableFunc(cited, func(a, b client.Citation) int { return a.Number - b.Number })
	cited = slices.CompactFunc(cited, func(a, b client.Citation) bool { return a.Number == b.Number })
	s.out.printf("\n%s\n", s.out.bold("Sources"))
	for _, c := range cited {
		place := fmt.Sprintf("(memo %s, bytes %d to %d)", c.MemoID, c.Start, c.End)
		s.out.printf("  [%d] %s %s\n", c.Number, oneLine(c.MemoTitle), s.out.dim(place))
	}
}

func formatDistance(d float64) string { return strconv.FormatFloat(d, 'f', 3, 64) }
