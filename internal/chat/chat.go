// Package chat answers questions about a project's memos, with citations.
//
// An answer has two halves. [Service.Ask] finds every fault of the request
// itself, so that an edge can still refuse it with a status; [Answer.Stream]
// retrieves, generates, watches for citations and stores the exchange. The
// context runs through all of it: a client that hangs up cancels the model's
// exchange, and what there is of the answer is stored, marked as cut.
package chat

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"log/slog"
	"strings"
	"time"

	"kvasir/internal/account"
	"kvasir/internal/chat/form"
	"kvasir/internal/chat/ground"
	"kvasir/internal/conversation"
	"kvasir/internal/fault"
	"kvasir/internal/llm"
	"kvasir/internal/memo"
	"kvasir/internal/retrieval"
)

// Options are a request's rag_config, checked.
type Options struct {
	Provider     string // a generator's name; empty for the default
	QueryRewrite bool
	References   bool
	Context      int // reranking.top_k, 1 to 100: passages handed to the model
	Retrieval    retrieval.Options
	// Agentic lets the model search, read and look around before it answers, in
	// MaxSteps steps at most; 0 means 5.
	Agentic  bool
	MaxSteps int
	// Schema makes the answer one JSON value; nil for text.
	Schema *llm.Schema
}

// A Question is a request for an answer.
type Question struct {
	Project      account.ProjectID
	Key          string // the API key that asks, as it may be shown
	Text         string
	Chat         conversation.ChatID // continues this chat; empty starts one
	SystemPrompt *string
	Filters      memo.Filters
	Options      Options
}

// An Event is a step of a streamed answer. Exactly one field is set. The order
// is: Step…, Token…, Citations, Flags, References, Explained, Done; a failure is
// Err and then Done.
type Event struct {
	Step       *conversation.Step // of an agentic answer
	Token      string
	Citations  []conversation.Citation
	Flags      []conversation.Flag
	References []conversation.Reference
	Explained  *Explained
	Err        error
	Done       *Outcome
}

// Explained tells how the passages of an answer came about.
type Explained struct {
	Question    string // as it was searched for
	Inferred    memo.Filters
	Explanation *retrieval.Explanation // nil unless it was asked for
}

// An Outcome is the end of an answer.
type Outcome struct {
	Chat conversation.ChatID
}

// A Retriever finds passages, best first.
type Retriever func(ctx context.Context, r retrieval.Request) (retrieval.Found, error)

// Conversations keeps chats.
type Conversations interface {
	// FindChat returns a chat with its messages, or NotFound "Chat not found".
	FindChat(ctx context.Context, p account.ProjectID, id conversation.ChatID) (conversation.Chat, error)
	// SaveExchange stores a question and its answer and returns the chat, which is
	// new if the exchange names none. Of an empty answer only the question is kept.
	SaveExchange(
		ctx context.Context, p account.ProjectID, e conversation.Exchange,
	) (conversation.ChatID, error)
}

// Models is what chat needs of dispatch. The empty generator is the default one.
type Models interface {
	Generate(
		ctx context.Context, call llm.Call, generator string, req llm.GenerateRequest,
	) iter.Seq2[llm.Event, error]
	CountTokens(text string) int
	// Embed returns vectors of one model; it fails where there is none.
	Embed(ctx context.Context, call llm.Call, input llm.Input, texts []string) ([]llm.Vector, error)
	// Coverage tells how well that model knows the words of a text, if it can say.
	Coverage(text string) (llm.Coverage, bool)
}

// A Provider is a configured generator, as shown to people.
type Provider struct {
	Name  string // openai, local, extractive
	Label string // OpenAI, Local, Extractive
	Model string
	// Quotes says that the generator only quotes passages: it is never asked to
	// rewrite a question.
	Quotes bool
}

// Settings are the same for all answers. The zero value of a field is its default.
type Settings struct {
	ContextTokens int   // the passages handed to a model, together; 8,000
	HistoryTokens int   // earlier turns of the chat; 2,000
	Check         Check // full
}

// A Check is how answers are held against what they cite.
type Check string

// The checks.
const (
	CheckFull  Check = "full"  // by words, and by vectors where these do not tell
	CheckWords Check = "words" // without calls of the embedding model
	CheckOff   Check = "off"   // not at all: citations are whole passages
)

// A Service answers questions.
type Service struct {
	knowledge Knowledge
	chats     Conversations
	models    Models
	providers []Provider
	settings  Settings
	checker   *ground.Checker
	log       *slog.Logger
}

// New returns a service. The first provider is the default one.
func New(
	knowledge Knowledge, chats Conversations, models Models, providers []Provider,
	settings Settings, log *slog.Logger,
) *Service {
	settings.ContextTokens = cmp.Or(settings.ContextTokens, 8000)
	settings.HistoryTokens = cmp.Or(settings.HistoryTokens, 2000)
	settings.Check = cmp.Or(settings.Check, CheckFull)
	return &Service{
		knowledge: knowledge, chats: chats, models: models, providers: providers, settings: settings,
		checker: ground.New(), log: log,
	}
}

// Providers lists the configured generators, the default first.
func (s *Service) Providers() []Provider { return s.providers }

// provider finds a generator by name; the empty name is the default.
func (s *Service) provider(name string) (Provider, error) {
	names := make([]string, len(s.providers))
	for i, p := range s.providers {
		if name == "" || p.Name == name {
			return p, nil
		}
		names[i] = p.Name
	}
	return Provider{}, fault.New(fault.Invalid, fmt.Sprintf(
		"Invalid LLM provider: %s. Supported providers: %s", name, strings.Join(names, ", ")))
}

// An Answer is an accepted question, not yet worked on.
type Answer struct {
	*Service
	q         Question
	provider  Provider
	history   []llm.Message
	asked     time.Time
	explained Explained  // how the passages came about
	form      *form.Form // of the answer; nil for text
}

// Ask checks the question and returns its answer, to be streamed. Every fault of
// the request itself is found here: an unknown provider, an unknown chat.
func (s *Service) Ask(ctx context.Context, q Question) (*Answer, error) {
	if q.Text == "" {
		return nil, fault.New(fault.Invalid, "Query is required")
	}
	provider, err := s.provider(q.Options.Provider)
	if err != nil {
		return nil, err
	}
	a := &Answer{Service: s, q: q, provider: provider, asked: time.Now()}
	if a.form, err = s.form(q, provider); err != nil {
		return nil, err
	}
	if q.Chat != "" {
		c, err := s.chats.FindChat(ctx, q.Project, q.Chat)
		if err != nil {
			return nil, err
		}
		a.history = recent(c.Messages, s.settings.HistoryTokens, s.models.CountTokens)
	}
	return a, nil
}

// form returns what an answer is held to; nil if it may be any text.
func (s *Service) form(q Question, p Provider) (*form.Form, error) {
	switch {
	case q.Options.Schema == nil:
		return nil, nil
	case p.Quotes:
		return nil, fault.New(fault.Invalid, "response_format: "+p.Label+" only quotes; name a model in rag_config.llm_provider")
	}
	return form.New(q.Options.Schema)
}

// recent returns the latest whole exchanges that fit into the budget, oldest
// first. A question without an answer is left out: a model expects turns to
// alternate.
func recent(messages []conversation.Message, budget int, count func(string) int) []llm.Message {
	var turns []llm.Message
	for i := len(messages) - 1; i > 0; i-- {
		question, answer := messages[i-1], messages[i]
		if answer.SentBy != conversation.SentByModel || question.SentBy != conversation.SentByUser {
			continue
		}
		budget -= count(question.Content) + count(answer.Content)
		if budget < 0 {
			break
		}
		turns = append([]llm.Message{
			{Role: llm.RoleUser, Text: question.Content},
			{Role: llm.RoleAssistant, Text: answer.Content},
		}, turns...)
		i--
	}
	return turns
}
