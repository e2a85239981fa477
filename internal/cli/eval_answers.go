package cli

import (
	"context"
	"fmt"
	"sync"

	"kvasir/client"
	"kvasir/internal/evaluate"
)

// askedByDefault is how many questions a model is asked that may cost money.
const askedByDefault = 100

// ask asks the collection's questions in chat.
func (e *evaluation) ask(ctx context.Context) error {
	most := askedByDefault
	switch {
	case e.Answers != nil:
		most = *e.Answers
	case e.quotes:
		most = len(e.collection.Questions)
	}
	questions := evaluate.Some(e.collection.Questions, max(most, 0))
	if len(questions) == 0 {
		return nil
	}
	p := e.progress("Asking "+countedOf(len(questions), "question"), int64(len(questions)), unitItems)
	defer p.finish()
	memos := &texts{client: e.client, known: map[string]string{}}
	asker := func(ctx context.Context, question string) (evaluate.Reply, error) {
		return e.reply(ctx, memos, question)
	}
	answers, err := evaluate.Ask(ctx, questions, e.jobs(), asker, func() { p.add(1) })
	if answers.Asked > 0 {
		e.report.Answers = answers
	}
	return err
}

// reply asks one question, and reads what its answer cites.
func (e *evaluation) reply(ctx context.Context, memos *texts, question string) (evaluate.Reply, error) {
	answer, err := collect(e.client.StreamChat(ctx, client.ChatRequest{
		Query: question, RAG: &client.RAGConfig{References: &client.Toggle{Enabled: true}},
	}), func(client.Event) {})
	if err != nil {
		return evaluate.Reply{}, err
	}
	reply := evaluate.Reply{Text: answer.Text}
	for _, c := range answer.Citations {
		text, err := memos.cited(ctx, c)
		if err != nil {
			return evaluate.Reply{}, err
		}
		reply.Cited = append(reply.Cited, text)
	}
	return reply, nil
}

// texts reads memos' texts, each once. It is safe for concurrent use.
type texts struct {
	client *client.Client

	mu    sync.Mutex // guards known
	known map[string]string
}

// cited returns the range of a memo that a citation points at.
func (t *texts) cited(ctx context.Context, c client.Citation) (string, error) {
	t.mu.Lock()
	text, ok := t.known[c.MemoID]
	t.mu.Unlock()
	if !ok {
		m, err := t.client.GetMemo(ctx, client.ByID(c.MemoID))
		if err != nil {
			return "", fmt.Errorf("read what is cited: %w", err)
		}
		text = m.Content
		t.mu.Lock()
		t.known[c.MemoID] = text
		t.mu.Unlock()
	}
	if c.Start < 0 || c.End < c.Start || c.End > len(text) {
		return "", fmt.Errorf("bytes %d to %d are cited of memo %s, which has %d", c.Start, c.End, c.MemoID, len(text))
	}
	return text[c.Start:c.End], nil
}
