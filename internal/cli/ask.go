package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"kvasir/client"
)

// An askCommand asks a question.
type askCommand struct {
	server

	Question string `arg:"" help:"The question; - reads it from stdin."`
	Chat     string `placeholder:"ID" help:"Continue this chat."`
	System   string `placeholder:"TEXT" help:"Further instructions for the model."`
	Agentic  bool   `help:"Let the model search, read and look around before it answers."`
	MaxSteps int    `placeholder:"N" help:"How many steps it may take, up to 10."`
	Schema   string `placeholder:"FILE" help:"Answer with JSON of this JSON schema."`
	Explain  bool   `help:"Print what each stage of the search did."`
	JSON     bool   `name:"json" help:"Print JSON, when the answer is complete."`

	wishes
}

// Help shows examples.
func (askCommand) Help() string {
	return `Prints the answer as it is written, and then the passages that it cites. Sentences that
these do not bear out are named.

Examples:

    kvasir ask "How does a memo become searchable?"
    kvasir ask --chat 0197a1f2-2f57-7c3e-9d51-6b0f7a1c2d3e "And what if that fails?"
    kvasir ask --agentic "Which of our policies contradict each other?"
    kvasir ask --json "What do herons eat?"`
}

const (
	maxQuestion = 1 << 20 // of a question from stdin, in bytes
	maxSchema   = 1 << 20 // of a schema's file; the server takes less
)

// Run asks.
func (c *askCommand) Run(ctx context.Context, s *session) error {
	r, err := c.request(s)
	if err != nil {
		return err
	}
	if !c.JSON {
		answer, err := s.ask(ctx, c.client(s), r)
		if err == nil {
			s.err.printf("%s\n", s.err.dim("Continue with --chat "+answer.ChatID))
		}
		return err
	}
	answer, err := collect(c.client(s).StreamChat(ctx, r), func(client.Event) {})
	if err != nil {
		return err
	}
	return s.printJSON(answer)
}

// request returns what is asked.
func (c *askCommand) request(s *session) (client.ChatRequest, error) {
	r := client.ChatRequest{
		Query: c.Question, ChatID: c.Chat, SystemPrompt: c.System, Explain: c.Explain,
		RAG: &client.RAGConfig{References: &client.Toggle{Enabled: true}, Retrieval: c.retrieval()},
	}
	if c.Agentic || c.MaxSteps != 0 {
		r.RAG.Agentic = &client.Agentic{Enabled: true, MaxSteps: c.MaxSteps}
	}
	if c.Question == "-" {
		raw, err := io.ReadAll(io.LimitReader(s.Stdin, maxQuestion))
		if err != nil {
			return r, fmt.Errorf("read the question: %w", err)
		}
		r.Query = strings.TrimSpace(string(raw))
	}
	var err error
	if c.Schema != "" {
		r.Schema, err = readSchema(c.Schema)
	}
	return r, err
}

// readSchema reads a JSON schema, which is called as its file is.
func readSchema(path string) (*client.Schema, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxSchema))
	if err != nil {
		return nil, fmt.Errorf("read the schema: %w", err)
	}
	if !json.Valid(raw) {
		return nil, fmt.Errorf("%s is not JSON", path)
	}
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '-' {
			return r
		}
		return '_'
	}, strings.TrimSuffix(filepath.Base(path), filepath.Ext(path)))
	return &client.Schema{Name: name[:min(len(name), 64)], JSON: raw}, nil
}

// ask prints an answer as it is written, and what there is to tell of it.
func (s *session) ask(ctx context.Context, c *client.Client, r client.ChatRequest) (client.Answer, error) {
	answer, err := collect(c.StreamChat(ctx, r), func(e client.Event) {
		s.out.printf("%s", clean(e.Text))
		if e.Step != nil {
			s.printStep(e.Step)
		}
	})
	if answer.Text != "" {
		s.out.printf("\n")
	}
	if err != nil {
		return answer, err
	}
	s.printFlags(answer.Flags)
	s.printSources(answer.Citations)
	s.printInferred(answer.InferredFilters)
	s.printExplanation(answer.Explanation)
	return answer, nil
}

// collect takes a streamed answer to its end and hands on each event.
func collect(
	events func(func(client.Event, error) bool), show func(client.Event),
) (client.Answer, error) {
	answer := client.Answer{Citations: []client.Citation{}}
	for event, err := range events {
		if err != nil {
			return answer, err
		}
		show(event)
		answer.Add(event)
	}
	if answer.ChatID == "" {
		return answer, errors.New("the answer names no chat")
	}
	return answer, nil
}
