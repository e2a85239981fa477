package chat

import (
	"context"
	"errors"
	"time"

	"kvasir/internal/chat/ground"
	"kvasir/internal/conversation"
	"kvasir/internal/llm"
	"kvasir/internal/memo"
	"kvasir/internal/rank"
)

// checkWithin bounds the wait for vectors that tell whether a claim is borne out: the
// answer is there, and words alone tell most of it.
const checkWithin = 3 * time.Second

// errForeign is why vectors are left aside.
var errForeign = errors.New("the embedding model hardly knows the language")

// check holds what was answered against the passages. A JSON value has no sentences:
// of it, only the numbers are read.
func (a *Answer) check(ctx context.Context, text string, passages []memo.Passage) ground.Report {
	if a.settings.Check == CheckOff || a.form != nil {
		return ground.Report{Citations: citations(text, passages)}
	}
	ctx, cancel := context.WithTimeout(ctx, checkWithin)
	defer cancel()
	var embed ground.Embed
	if a.settings.Check == CheckFull && !a.provider.Quotes {
		embed = a.embed
	}
	return a.checker.Check(ctx, ground.Answer{
		Question: a.q.Text, Text: text, Passages: passages, Cites: a.q.Options.References,
	}, embed)
}

// paginate tells on which page each citation begins. Without it, that is the page on
// which the passage begins.
func (a *Answer) paginate(ctx context.Context, cited []conversation.Citation) {
	known := map[memo.ID][]memo.Part{}
	for i := range cited {
		c := &cited[i]
		if c.Page == 0 {
			continue // the memo has no pages
		}
		parts, ok := known[c.Memo]
		if !ok {
			var err error
			if parts, err = a.knowledge.Parts(ctx, a.q.Project, c.Memo); err != nil {
				a.log.WarnContext(ctx, "pages of citations not found", "project", string(a.q.Project), "error", err)
			}
			known[c.Memo] = parts
		}
		if part := memo.PartAt(parts, c.Start); part != nil {
			c.Page = part.Number
		}
	}
}

// embed returns vectors of claims and sentences, unless the model only spells their
// language.
func (a *Answer) embed(ctx context.Context, texts []string) ([]llm.Vector, error) {
	for _, text := range texts {
		if coverage, ok := a.models.Coverage(text); ok && rank.LexicalWeight(coverage) > rank.TrustingWeight {
			return nil, errForeign
		}
	}
	call := llm.Call{Tenant: string(a.q.Project), Key: a.q.Key, Priority: llm.PriorityAnswer}
	return a.models.Embed(ctx, call, llm.InputDocument, texts)
}
