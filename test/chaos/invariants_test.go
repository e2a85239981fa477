package chaos

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"kvasir/client"
)

// invariants waits until the server has nothing left to do and compares what is there
// with the ledger.
func invariants(t *testing.T, p *process, l *ledger) {
	t.Helper()
	var health client.Health
	eventually(t, "all memos are processed", func() bool {
		var err error
		health, err = p.Health(t.Context())
		return err == nil && health.Status == "ok" && health.Queue.Pending == 0 &&
			health.Providers.Embeddings.MissingVectors == 0
	})
	l.mu.Lock()
	defer l.mu.Unlock()
	t.Logf("%d writes acknowledged, %d not; %d memos, %d answers", l.yes, l.lost, len(l.memos), len(l.chats))
	if l.yes == 0 {
		t.Error("nothing was acknowledged")
	}
	present := map[string]bool{}
	chunks := map[string]bool{}
	for m, err := range p.AllMemos(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		a := l.memos[m.ReferenceID]
		if a == nil || present[m.ReferenceID] {
			t.Errorf("memo %s of %q is there, and nobody made it, or twice", m.ID, m.ReferenceID)
			continue
		}
		present[m.ReferenceID] = true
		for _, problem := range examine(t.Context(), p, a, m.ID, chunks) {
			t.Errorf("%s: %s", m.ReferenceID, problem)
		}
	}
	for reference, a := range l.memos {
		if !present[reference] && !slices.Contains(a.may, "") {
			t.Errorf("%s is lost: it was acknowledged and is not there", reference)
		}
	}
	searched(t, p, l, chunks)
	for _, c := range l.chats {
		answered(t, p, c)
	}
}

// examine returns what is wrong with one memo.
func examine(ctx context.Context, p *process, a *account, id string, chunks map[string]bool) (problems []string) {
	say := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	m, err := p.GetMemo(ctx, client.ByID(id))
	if err != nil {
		return []string{err.Error()}
	}
	if m.Status != client.StatusProcessed {
		say("it is %s: %s", m.Status, m.ErrorReason)
	}
	if m.Content == "" || !slices.Contains(a.may, m.Content) {
		say("its text begins %.60q, and may be %.60q", m.Content, a.may)
	}
	at := 0
	var tiled strings.Builder
	for i, c := range m.Chunks {
		if c.Index != i || c.Start != at {
			say("passage %d has index %d and begins at %d, not %d", i, c.Index, c.Start, at)
		}
		if chunks[c.ID] {
			say("passage %s is there twice", c.ID)
		}
		chunks[c.ID] = true
		at = c.End
		tiled.WriteString(c.Content)
	}
	if tiled.String() != m.Content {
		say("its %d passages do not tile its text", len(m.Chunks))
	}
	if a.file {
		if err := original(ctx, p, id, m.Content); err != nil {
			say("%v", err)
		}
	}
	return problems
}

// original compares a document's file with its text.
func original(ctx context.Context, p *process, id, want string) error {
	o, err := p.Original(ctx, client.ByID(id))
	if err != nil {
		return fmt.Errorf("its file: %w", err)
	}
	defer o.Body.Close()
	got, err := io.ReadAll(o.Body)
	if err == nil && string(got) != want {
		return fmt.Errorf("its file has %d bytes of another version", len(got))
	}
	return err
}

// searched looks for some memos by the words of their last version: nothing comes
// twice, and nothing comes that is not in a memo.
func searched(t *testing.T, p *process, l *ledger, chunks map[string]bool) {
	t.Helper()
	left := 25
	for _, a := range l.memos {
		if left--; left < 0 {
			return
		}
		found, err := p.Search(t.Context(), client.SearchRequest{Query: a.mark(), Limit: 50})
		if err != nil {
			t.Fatal(err)
		}
		seen, hit := map[string]bool{}, false
		for _, f := range found {
			if seen[f.ChunkID] || !chunks[f.ChunkID] {
				t.Errorf("%s: passage %s of %s was found twice, or is in no memo", a.mark(), f.ChunkID, f.MemoTitle)
			}
			seen[f.ChunkID] = true
			hit = hit || strings.Contains(f.Content, a.mark())
		}
		if last := a.may[len(a.may)-1]; len(a.may) == 1 && hit != strings.Contains(last, a.mark()) {
			t.Errorf("%s: found: %v, though what is there is %.60q", a.mark(), hit, last)
		}
	}
}

// answered compares a stored chat with what its client has heard.
func answered(t *testing.T, p *process, c chatted) {
	t.Helper()
	got, err := p.GetChat(t.Context(), c.id)
	if err != nil || len(got.Messages) != 2 {
		t.Errorf("chat %s has %d messages, %v", c.id, len(got.Messages), err)
		return
	}
	if got.Messages[0].Content != c.question || got.Messages[1].Content != c.answer {
		t.Errorf("chat %s holds %q and %q; told were %q and %q",
			c.id, got.Messages[0].Content, got.Messages[1].Content, c.question, c.answer)
	}
}
