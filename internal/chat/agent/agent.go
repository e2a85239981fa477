// Package agent looks for passages in steps: a fast model searches, reads and looks
// around until it has what an answer needs.
//
// The model is given its tools as JSON in plain text, so that every provider will do,
// and an [Exploration] carries out one call after the other. The tools only read, and
// see no more than the question's project and filters let them. There are budgets of
// steps, of tokens shown, and of time. What the model says is never shown to a person:
// all that comes of it is passages, from which the answer is then written, and checked,
// as any other. If the model does not keep to the protocol, or finds nothing, the
// question is searched for as it is.
package agent

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"log/slog"
	"time"

	"kvasir/internal/conversation"
	"kvasir/internal/llm"
	"kvasir/internal/memo"
	"kvasir/internal/retrieval"
)

const (
	defaultSteps  = 5
	maxSteps      = 10
	defaultWithin = time.Minute
)

// The tools, and what ends their use.
const (
	toolSearch = "search"
	toolRead   = "read_memo"
	toolTags   = "list_tags"
	toolAnswer = "answer"
)

// Models is what an agent needs of dispatch.
type Models interface {
	Generate(
		ctx context.Context, call llm.Call, generator string, req llm.GenerateRequest,
	) iter.Seq2[llm.Event, error]
	CountTokens(text string) int
}

// Memos is what an agent reads beside what it finds.
type Memos interface {
	// Excerpt returns up to limit passages of a memo from a place on, and how many
	// there are; NotFound for a memo that the selection does not have.
	Excerpt(ctx context.Context, in memo.Selection, id memo.ID, from, limit int) ([]memo.Passage, int, error)
	Vocabulary(ctx context.Context, in memo.Selection) (memo.Vocabulary, error)
}

// A Finder finds passages, best first.
type Finder = func(ctx context.Context, r retrieval.Request) (retrieval.Found, error)

// An Agent explores. It is safe for concurrent use.
type Agent struct {
	find   Finder
	memos  Memos
	models Models
	within time.Duration
	log    *slog.Logger
}

// New returns an agent. An exploration takes no longer than within, or a minute if
// that is 0.
func New(find Finder, memos Memos, models Models, within time.Duration, log *slog.Logger) *Agent {
	return &Agent{find: find, memos: memos, models: models, within: cmp.Or(within, defaultWithin), log: log}
}

// A Task is a question to find passages for.
type Task struct {
	// Request is the question with what holds for all searches: project, filters,
	// options. Limit is how many passages are wanted in the end.
	retrieval.Request
	Generator string        // whose fast model explores
	History   []llm.Message // what was said before, if the question may refer to it
	Steps     int           // 0 means 5; 10 at most
	Tokens    int           // of passages, and what else the model is shown
}

// An Exploration is the work on one task.
type Exploration struct {
	*Agent
	task     Task
	steps    int
	messages []llm.Message
	mark     string // of data
	done     map[string]bool
	reminded bool
	left     int // of the tokens
	moves    int // that brought passages
	finds
}

// Start returns the exploration of a task, to be run by its Steps.
func (a *Agent) Start(t Task) *Exploration {
	return &Exploration{
		Agent: a, task: t, steps: min(cmp.Or(t.Steps, defaultSteps), maxSteps),
		mark: newMark(), done: map[string]bool{}, left: t.Tokens, finds: newFinds(),
	}
}

// Steps explores and yields each step when it is done. An error is yielded once, last;
// the consumer's break ends the work.
func (x *Exploration) Steps(ctx context.Context) iter.Seq2[conversation.Step, error] {
	return func(yield func(conversation.Step, error) bool) {
		number := 0
		tell := func(s conversation.Step) bool {
			number++
			s.Number = number
			return yield(s, nil)
		}
		why, listening, err := x.explore(ctx, tell)
		if err == nil && listening && why != "" {
			if listening = tell(conversation.Step{Tool: toolAnswer, Result: why}); listening {
				err = x.plain(ctx)
			}
		}
		if err != nil && listening {
			yield(conversation.Step{}, err)
		}
	}
}

// explore lets the model work until it wants to answer or a budget is used up. If the
// question must be searched for as it is, it says why.
func (x *Exploration) explore(
	ctx context.Context, tell func(conversation.Step) bool,
) (why string, listening bool, err error) {
	within, cancel := context.WithTimeout(ctx, x.within)
	defer cancel()
	if err := x.begin(); err != nil {
		return "", true, err
	}
	for n := 1; n <= x.steps; n++ {
		m, ok, err := x.ask(within)
		if err != nil {
			return x.stopped(ctx, within, err)
		}
		if !ok {
			return "the model does not keep to the protocol: searched for the question as it is", true, nil
		}
		if m.Tool == toolAnswer {
			x.chosen = m.chosen()
			break
		}
		r, err := x.act(within, m)
		if err != nil {
			return x.stopped(ctx, within, err)
		}
		full := x.left <= 0
		if full {
			r.line += "; there is no room for more"
		}
		if !tell(conversation.Step{Tool: m.Tool, Input: m.input(), Result: r.line}) {
			return "", false, nil
		}
		if full {
			break
		}
		x.show(fmt.Sprintf("%s\nSteps left: %d.", r.text, x.steps-n))
	}
	return x.enough(), true, nil
}

// enough says why what was found is not, "" if it is.
func (x *Exploration) enough() string {
	if len(x.list) > 0 {
		return ""
	}
	return "nothing was found: searched for the question as it is"
}

// stopped decides what a failure means: the end if the client has gone, else that what
// was found must do.
func (x *Exploration) stopped(ctx, within context.Context, err error) (string, bool, error) {
	if ctx.Err() != nil {
		return "", true, err
	}
	x.log.WarnContext(ctx, "exploration stopped", "project", string(x.task.Project), "error", err)
	if within.Err() != nil {
		return fmt.Sprintf("%v are over: searched for the question as it is", x.within), true, nil
	}
	return "the model failed: searched for the question as it is", true, nil
}

// plain searches for the question as a plain answer does.
func (x *Exploration) plain(ctx context.Context) error {
	found, err := x.find(ctx, x.task.Request)
	if err != nil {
		return err
	}
	x.inferred = found.Inferred
	x.explained(x.task.Text, found.Explanation)
	for rank, hit := range found.Hits {
		x.add(hit, rank, x.moves)
	}
	x.moves++
	return nil
}

// Found returns what was found, the most important first.
func (x *Exploration) Found() retrieval.Found {
	found := retrieval.Found{Hits: x.best(x.task.Limit), Inferred: x.inferred}
	if x.task.Explain {
		found.Explanation = &retrieval.Explanation{Stages: x.stages}
	}
	return found
}
