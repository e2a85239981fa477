// Package chat answers questions about a project's memos, with citations.
package chat

import (
	"context"
	"iter"

	"kvasir/internal/account"
	"kvasir/internal/conversation"
	"kvasir/internal/memo"
)

// Options are a request's rag_config, checked.
type Options struct {
	Provider     string // a generator's name; empty for the default
	QueryRewrite bool
	Rerank       bool
	References   bool
	Candidates   int      // vector_search.top_k, 1 to 200
	MaxDistance  *float64 // vector_search.similarity_threshold, if the client sent one
	Context      int      // reranking.top_k, 1 to 100: passages handed to the model
}

// A Question is a request for an answer.
type Question struct {
	Project      account.ProjectID
	Text         string
	Chat         conversation.ChatID // continues this chat; empty starts one
	SystemPrompt *string
	Filters      memo.Filters
	Options      Options
}

// An Event is a step of a streamed answer. Exactly one field is set. The order
// is: Token…, Citations, References, Done; a failure is Err and then Done.
type Event struct {
	Token      string
	Citations  []conversation.Citation
	References []conversation.Reference
	Err        error
	Done       *Outcome
}

// An Outcome is the end of an answer.
type Outcome struct {
	Chat conversation.ChatID
}

// A Service answers questions.
type Service struct{}

// Providers lists the names of the configured generators, the default first.
func (s *Service) Providers() []Provider { panic("not written yet") }

// A Provider is a configured generator, as shown to people.
type Provider struct {
	Name  string // openai, local, extractive
	Label string // OpenAI, Local, Extractive
	Model string
}

// An Answer is an accepted question, not yet worked on.
type Answer struct{}

// Ask checks the question and returns its answer, to be streamed. Every fault of
// the request itself is found here: an unknown provider, an unknown chat.
func (s *Service) Ask(ctx context.Context, q Question) (*Answer, error) {
	panic("not written yet")
}

// Stream retrieves, generates and stores the answer, yielding events as they
// come. It always ends with Done, unless the consumer stops first: then the
// model's exchange is cancelled and what there is of the answer is stored as cut.
func (a *Answer) Stream(ctx context.Context) iter.Seq[Event] { panic("not written yet") }

// A DocumentRequest asks for a text written from a project's memos.
type DocumentRequest struct {
	Project account.ProjectID
	Prompt  string
	Rules   string
	Filters memo.Filters
}

// Write returns a document in pieces. An error is yielded once, last.
func (s *Service) Write(ctx context.Context, r DocumentRequest) iter.Seq2[string, error] {
	panic("not written yet")
}
