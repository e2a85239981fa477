package chat

import (
	"context"
	"iter"

	"kvasir/internal/account"
	"kvasir/internal/fault"
	"kvasir/internal/llm"
	"kvasir/internal/memo"
	"kvasir/internal/retrieval"
)

// writePassages is how many passages a document is written from.
const writePassages = 25

// A DocumentRequest asks for a text written from a project's memos.
type DocumentRequest struct {
	Project account.ProjectID
	Key     string // the API key that asks, as it may be shown
	Prompt  string
	Rules   string
	Filters memo.Filters
}

// Write returns a document in pieces. An error is yielded once, last. Nothing
// of it is stored.
func (s *Service) Write(ctx context.Context, r DocumentRequest) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		if r.Prompt == "" {
			yield("", fault.New(fault.Invalid, "Prompt is required"))
			return
		}
		found, err := s.knowledge.Find(ctx, retrieval.Request{
			Project: r.Project, Key: r.Key, Text: r.Prompt, Filters: r.Filters, Limit: writePassages,
		})
		if err != nil {
			yield("", err)
			return
		}
		passages := fit(passagesOf(found), s.settings.ContextTokens, s.models.CountTokens)
		call := llm.Call{Tenant: string(r.Project), Key: r.Key, Priority: llm.PriorityAnswer}
		for ev, err := range s.models.Generate(ctx, call, "", writeRequest(r, passages)) {
			if (err != nil || ev.Text != "") && !yield(ev.Text, err) {
				return
			}
		}
	}
}
