// Package llm holds the words for calling models: embed, generate, rerank.
//
// Adapters under provider turn one request into one exchange with a vendor and
// back. They never loop, sleep, retry or count: everything of that kind happens
// once, in dispatch, which hands the same methods on to the use cases. Errors
// of an exchange are [*Error]; its [Class] is all that dispatch decides by.
package llm

import (
	"context"
	"iter"
)

// A Vector is one embedding. Vectors are compared by cosine.
type Vector []float32

// An Input says what a text to embed is for; some models embed a question
// differently from a passage.
type Input string

// The inputs.
const (
	InputDocument Input = "document"
	InputQuery    Input = "query"
)

// A Priority orders calls that wait for the same lane. Lower values go first.
type Priority int

// The priorities, from the person who waits to the work that can wait.
const (
	PriorityAnswer Priority = iota
	PriorityRerank
	PriorityQuery
	PriorityIngest
	PriorityEnrich
	PriorityReindex // for an index that nobody searches yet
)

// A Call says for whom and how urgently a request is made.
type Call struct {
	Tenant   string // the project that pays; calls of tenants share fairly
	Key      string // the API key that asked, as it may be shown; empty for none
	Memo     string // the memo that the call works on; empty for none
	Priority Priority
}

// Usage counts the tokens of one exchange, as the provider reported them; zero
// means it did not say.
type Usage struct {
	InputTokens  int
	CachedTokens int // of the input, read from the provider's prompt cache
	OutputTokens int
	Searches     int // of a reranker that is paid by them: a query with up to a hundred documents
}

// EmbedSpec tells what an embedding model takes and gives.
type EmbedSpec struct {
	// Model is the identity of the vectors: provider, base URL and model name.
	// Vectors of two embedders can be compared only if Model is equal.
	Model string
	// Dimensions is the length of a vector; 0 until the model has answered once.
	Dimensions int
	// MaxTokens is the longest text in tokens that loses nothing.
	MaxTokens int
	// MaxItems and MaxBatchTokens bound one request.
	MaxItems       int
	MaxBatchTokens int
}

// An EmbedRequest asks for one vector a text.
type EmbedRequest struct {
	Texts []string // at least one, none empty
	Input Input
}

// An EmbedResponse holds the vectors in the order of the request's texts.
type EmbedResponse struct {
	Vectors []Vector // same length as Texts, all of the same dimension
	Usage   Usage
}

// An Embedder turns texts into vectors. It is safe for concurrent use.
type Embedder interface {
	// Spec tells the model's identity and limits.
	Spec() EmbedSpec
	// Embed makes one exchange. It returns either a vector for every text or an
	// error, never a part.
	Embed(ctx context.Context, req EmbedRequest) (EmbedResponse, error)
}

// A Tokenizer counts tokens as a model does. Embedders that know their
// tokenizer implement it; for others [EstimateTokens] stands in.
type Tokenizer interface {
	// CountTokens returns the number of tokens of text, special ones excluded.
	CountTokens(text string) int
}

// A Coverage tells how well a model's vocabulary fits a text. Both figures come
// from tokenising; they choose the weight of vectors in fusion.
type Coverage struct {
	TokensPerWord float64 // about 1.3 for English in an English model
	UnknownShare  float64 // share of words that became the unknown token, 0 to 1
}

// A Coverer is an embedder that can say how well its vocabulary covers a text.
type Coverer interface {
	Coverage(text string) Coverage
}

// A Role is who speaks in a conversation.
type Role string

// The roles.
const (
	RoleSystem    Role = "system"
	RoleUser      Role = "user"
	RoleAssistant Role = "assistant"
)

// A Message is one turn given to a model.
type Message struct {
	Role Role
	Text string
	// Cache says that requests which begin with the same messages, this one
	// included, will follow soon: a provider that can keeps what they cost.
	Cache bool
}

// A Document is one passage of a grounded request, by the number under which
// the answer may cite it as [[n]].
type Document struct {
	Number int
	Title  string
	Text   string
}

// A GenerateRequest asks for a text. Messages hold all that a model needs.
// Question and Documents say again, as data, what a grounded request is made
// of, for adapters that work on passages rather than on a prompt; the others
// ignore them.
type GenerateRequest struct {
	Messages    []Message
	Temperature float64
	MaxTokens   int  // of the answer; 0 leaves it to the provider
	Fast        bool // a small model will do: rewriting, summing up

	Question  string
	Documents []Document

	// Schema asks for an answer that is one JSON value of this shape; nil for text.
	// A provider that can is held to it; others are only told.
	Schema *Schema
}

// A Schema is the JSON schema of an answer.
type Schema struct {
	Name string // letters, digits, _ and -
	JSON []byte // an object of JSON schema, draft 2020-12
}

// An Event is a piece of a streamed answer.
type Event struct {
	Text  string // the next piece; empty on the event that carries Usage
	Usage Usage
}

// A Generator writes texts. It is safe for concurrent use.
type Generator interface {
	// Model names the model, as shown to people.
	Model() string
	// Generate makes one exchange and yields its events as they arrive. An error
	// is yielded once, last, with a zero event. A consumer that stops early ends
	// the exchange; the exchange starts when the iteration does.
	Generate(ctx context.Context, req GenerateRequest) iter.Seq2[Event, error]
}

// A RerankRequest asks how well each document answers the query.
type RerankRequest struct {
	Query     string
	Documents []string
}

// A RerankResponse holds one score a document, in the request's order, each
// from 0 (irrelevant) to 1 (relevant).
type RerankResponse struct {
	Scores []float64
	Usage  Usage
}

// A Reranker scores documents against a query. It is safe for concurrent use.
type Reranker interface {
	// Model names the model, as shown to people.
	Model() string
	// Rerank makes one exchange and scores every document of the request.
	Rerank(ctx context.Context, req RerankRequest) (RerankResponse, error)
}

// EstimateTokens guesses the tokens of text for a model whose tokenizer is not
// known: four bytes of UTF-8 a token, and one token for each character outside
// Latin scripts. It errs on the high side.
func EstimateTokens(text string) int {
	wide, narrow := 0, 0
	for _, r := range text {
		if r >= 0x370 {
			wide++
		} else {
			narrow++
		}
	}
	return wide + (narrow+3)/4 + 1
}
