package llm

import (
	"context"
	"time"
)

// A Kind is what is asked of a model.
type Kind string

// The kinds.
const (
	KindEmbed    Kind = "embed"
	KindGenerate Kind = "generate"
	KindRerank   Kind = "rerank"
)

// An Attempt is one exchange that is about to be made.
type Attempt struct {
	Kind     Kind
	Lane     string // its name: "openai/gpt-4o-mini", "openai#2/gpt-4o-mini"
	Provider string
	Model    string
	Call     Call // of a batch, the first text's
	Texts    int  // embedded or reranked together; 0 for a generation
	Try      int  // 1 for the first
	Hedge    bool // beside another that is late
}

// An Outcome is how an exchange ended.
type Outcome struct {
	Usage      Usage
	FirstToken time.Duration // of a generation, until its first word; 0 if none came
	Err        error
}

// An Observer sees every exchange, for traces and metrics. It is safe for
// concurrent use.
type Observer interface {
	// Begin is called before an exchange, which is made with the context returned.
	// The function returned is called once, after it.
	Begin(ctx context.Context, a Attempt) (context.Context, func(Outcome))
}
