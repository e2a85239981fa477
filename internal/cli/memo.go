package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"kvasir/client"
)

// memoCommands work on single memos.
type memoCommands struct {
	List     memoList     `cmd:"" help:"List memos, the newest first."`
	Get      memoGet      `cmd:"" help:"Print a memo's text."`
	Original memoOriginal `cmd:"" help:"Download the file that a memo was read from."`
	Rm       memoRemove   `cmd:"" help:"Delete memos."`
	Status   memoStatus   `cmd:"" help:"Tell how far a memo is, or why it failed."`
	Retry    memoRetry    `cmd:"" help:"Process failed memos again."`
	Enrich   memoEnrich   `cmd:"" help:"Have a model write about memos."`
}

// Help shows examples.
func (memoCommands) Help() string {
	return `Examples:

    kvasir memo list
    kvasir memo get --reference policies/travel.md`
}

// A memoName names a memo of a server.
type memoName struct {
	server

	Reference bool `help:"ID is the client's own reference id."`
}

func (n *memoName) ref(id string) client.Ref {
	if n.Reference {
		return client.ByReference(id)
	}
	return client.ByID(id)
}

// A memoList lists memos.
type memoList struct {
	server

	Limit int  `short:"n" default:"100" placeholder:"N" help:"How many memos at most; 0 for all."`
	JSON  bool `name:"json" help:"Print JSON."`
}

// Help shows examples.
func (memoList) Help() string {
	return `Examples:

    kvasir memo list
    kvasir memo list --limit 0 --json`
}

// Run lists.
func (c *memoList) Run(ctx context.Context, s *session) error {
	memos := []client.MemoSummary{}
	for m, err := range c.client(s).AllMemos(ctx) {
		if err != nil {
			return err
		}
		memos = append(memos, m)
		if len(memos) == c.Limit {
			break
		}
	}
	if c.JSON {
		return s.printJSON(map[string]any{"results": memos})
	}
	if len(memos) == 0 {
		s.err.printf("There are no memos. Add some with kvasir add.\n")
		return nil
	}
	table := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "ID\tSTATUS\tUPDATED\tTITLE") // the screen keeps the error
	for _, m := range memos {
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", m.ID, m.Status, m.Updated.Local().Format("2006-01-02 15:04"),
			oneLine(m.Title))
	}
	return table.Flush()
}

// A memoGet prints one memo.
type memoGet struct {
	memoName

	ID   string `arg:"" name:"id" help:"The memo's id."`
	JSON bool   `name:"json" help:"Print all there is, as JSON."`
}

// Help shows examples.
func (memoGet) Help() string {
	return `Examples:

    kvasir memo get 0197a1f2-2f57-7c3e-9d51-6b0f7a1c2d3e
    kvasir memo get --json --reference policies/travel.md`
}

// Run prints the memo.
func (c *memoGet) Run(ctx context.Context, s *session) error {
	m, err := c.client(s).GetMemo(ctx, c.ref(c.ID))
	if err != nil {
		return fmt.Errorf("memo %s: %w", c.ID, err)
	}
	if c.JSON {
		return s.printJSON(m)
	}
	s.out.printf("%s\n", s.out.bold(oneLine(m.Title)))
	facts := []string{string(m.Status), fmt.Sprintf("%d passages", len(m.Chunks))}
	for _, fact := range []string{m.Source, m.ReferenceID, m.URL, m.File.Name, m.ErrorReason, m.WaitingFor} {
		if fact != "" && !slices.Contains(facts, oneLine(fact)) {
			facts = append(facts, oneLine(fact))
		}
	}
	s.out.printf("%s\n", s.out.dim(strings.Join(facts, ", ")))
	if m.Summary != "" {
		s.out.printf("\n%s\n", wrapped(m.Summary, "  ", s.out.width()))
	}
	for _, failed := range m.Enrichments {
		s.err.printf("%s: %s\n", s.err.yellow("no "+oneLine(string(failed.Aspect))), oneLine(failed.Error))
	}
	if m.Content != "" {
		s.out.printf("\n%s\n", clean(strings.TrimSuffix(m.Content, "\n")))
	}
	return nil
}

// A memoRemove deletes memos.
type memoRemove struct {
	memoName

	IDs []string `arg:"" name:"id" help:"The memos' ids."`
}

// Help shows examples.
func (memoRemove) Help() string {
	return `Examples:

    kvasir memo rm 0197a1f2-2f57-7c3e-9d51-6b0f7a1c2d3e
    kvasir memo rm --reference policies/travel.md`
}

// Run deletes one after the other, and stops at the first that fails.
func (c *memoRemove) Run(ctx context.Context, s *session) error {
	for _, id := range c.IDs {
		if err := c.client(s).DeleteMemo(ctx, c.ref(id)); err != nil {
			return fmt.Errorf("memo %s: %w", id, err)
		}
		s.out.printf("deleted %s\n", id)
	}
	return nil
}

// A memoStatus tells how far a memo is.
type memoStatus struct {
	memoName

	ID   string `arg:"" name:"id" help:"The memo's id."`
	Wait bool   `help:"Wait until the memo is processed or has failed."`
	JSON bool   `name:"json" help:"Print JSON."`
}

// Help shows examples.
func (memoStatus) Help() string {
	return `Examples:

    kvasir memo status 0197a1f2-2f57-7c3e-9d51-6b0f7a1c2d3e
    kvasir memo status --wait --reference policies/travel.md`
}

// Run tells the status. A failed memo is a failure only for who waited.
func (c *memoStatus) Run(ctx context.Context, s *session) error {
	ask := c.client(s).MemoStatus
	if c.Wait {
		ask = c.client(s).WaitForMemo
	}
	status, err := ask(ctx, c.ref(c.ID))
	switch {
	case err != nil:
		return fmt.Errorf("memo %s: %w", c.ID, err)
	case c.JSON:
		return s.printJSON(status)
	}
	s.out.printf("%s\n", describe(status))
	return nil
}

// describe says in a line how far a memo is.
func describe(m client.MemoStatus) string {
	var text strings.Builder
	text.WriteString(string(m.Status))
	switch {
	case m.Status == client.StatusError:
		text.WriteString(": " + oneLine(m.ErrorReason))
	case m.Status == client.StatusProcessing && m.Stage != "":
		text.WriteString(": " + m.Stage)
		for _, count := range []struct {
			done, total int
			what        string
		}{
			{m.PagesDone, m.PagesTotal, "pages"}, {m.ChunksDone, m.ChunksTotal, "passages"},
			{m.EnrichDone, m.EnrichTotal, "texts of a model"},
		} {
			if count.total > 0 {
				text.WriteString(fmt.Sprintf(", %d of %d %s", count.done, count.total, count.what))
			}
		}
	}
	if m.WaitingFor != "" {
		text.WriteString("; waiting: " + oneLine(m.WaitingFor))
	}
	return text.String() + doneIn(m.ETA)
}

// doneIn tells how long something will take; nothing if that is not known.
func doneIn(eta time.Time) string {
	if eta.IsZero() {
		return ""
	}
	return "; done in about " + spoken(time.Until(eta))
}

// A memoRetry processes failed memos again.
type memoRetry struct {
	memoName

	IDs []string `arg:"" name:"id" help:"The memos' ids."`
}

// Help shows examples.
func (memoRetry) Help() string {
	return `Example:

    kvasir memo retry 0197a1f2-2f57-7c3e-9d51-6b0f7a1c2d3e`
}

// Run retries one after the other, and stops at the first that fails.
func (c *memoRetry) Run(ctx context.Context, s *session) error {
	for _, id := range c.IDs {
		if err := c.client(s).RetryMemo(ctx, c.ref(id)); err != nil {
			return fmt.Errorf("memo %s: %w", id, err)
		}
		s.out.printf("retrying %s\n", id)
	}
	return nil
}
