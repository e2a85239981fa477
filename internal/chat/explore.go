package chat

import (
	"context"

	"kvasir/internal/chat/agent"
	"kvasir/internal/conversation"
	"kvasir/internal/retrieval"
)

// find finds passages: in steps, which are yielded, if that is wanted, else at once. It
// reports false if nobody listens any more.
func (a *Answer) find(
	ctx context.Context, r retrieval.Request, yield func(Event) bool,
) (found retrieval.Found, listening bool, err error) {
	switch {
	case a.q.Options.Agentic && a.provider.Quotes:
		why := a.provider.Label + " only quotes and cannot search by itself: searched for the question as it is"
		if !yield(Event{Step: &conversation.Step{Number: 1, Tool: "answer", Result: why}}) {
			return found, false, nil
		}
	case a.q.Options.Agentic:
		return a.explore(ctx, r, yield)
	}
	found, err = a.knowledge.Find(ctx, r)
	return found, true, err
}

// explore has the agent find passages. A question that was rewritten refers to nothing
// that was said before.
func (a *Answer) explore(
	ctx context.Context, r retrieval.Request, yield func(Event) bool,
) (found retrieval.Found, listening bool, err error) {
	task := agent.Task{
		Request: r, Generator: a.provider.Name, Steps: a.q.Options.MaxSteps, Tokens: a.settings.ContextTokens,
	}
	if r.Text == a.q.Text {
		task.History = a.history
	}
	x := a.knowledge.Agent.Start(task)
	for step, err := range x.Steps(ctx) {
		if err != nil {
			return found, true, err
		}
		if !yield(Event{Step: &step}) {
			return found, false, nil
		}
	}
	return x.Found(), true, nil
}
