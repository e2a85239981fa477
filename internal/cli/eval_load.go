package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"kvasir/client"
	"kvasir/internal/config"
	"kvasir/internal/evaluate"
	"kvasir/internal/memo"
)

// loadJobs is how many documents are sent at once.
const loadJobs = 16

// prepare loads the documents, if there are any, and learns what is there.
func (e *evaluation) prepare(ctx context.Context) error {
	health, err := e.client.Health(ctx)
	if err != nil {
		return err
	}
	e.report.Server = evaluate.Server{
		Version:    health.Version,
		Embeddings: nameOf(health.Providers.Embeddings.Provider),
		Answers:    nameOf(health.Providers.Answers),
		Reranking:  nameOf(health.Providers.Reranking),
	}
	e.quotes = health.Providers.Answers.Name == config.Extractive
	sync := &syncer{client: e.client, session: e.session, jobs: loadJobs, quiet: true, thing: "document"}
	if err := e.load(ctx, sync); err != nil {
		return err
	}
	if e.own {
		if err := e.embedded(ctx); err != nil {
			return err
		}
	}
	if err := sync.learn(ctx); err != nil {
		return err
	}
	e.refs = map[string]string{}
	for ref, m := range sync.known {
		e.refs[m.ID] = ref
	}
	if e.report.Loaded == nil {
		return nil
	}
	page, err := e.client.ListMemos(ctx, client.PageRequest{Size: 1})
	if err != nil {
		return err
	}
	others := page.Count
	for _, d := range e.collection.Documents {
		if _, ours := sync.known[d.ID]; ours {
			others--
		}
	}
	if others > 0 {
		e.err.printf("Other memos, which are searched, too: %s\n", grouped(others))
	}
	return nil
}

// nameOf names a model.
func nameOf(p client.Provider) string {
	if p.Model == "" || p.Model == p.Name {
		return p.Name
	}
	return p.Name + " " + p.Model
}

// load brings the documents into the project, and waits until they are found.
func (e *evaluation) load(ctx context.Context, sync *syncer) error {
	if len(e.collection.Documents) == 0 {
		return nil
	}
	began := time.Now()
	before, err := e.spent(ctx)
	if err != nil {
		return err
	}
	loaded := &evaluate.Loaded{Documents: len(e.collection.Documents)}
	e.report.Loaded = loaded
	items := itemsOf(e.collection.Documents)
	loaded.Empty = loaded.Documents - len(items)
	if len(items) == 0 {
		return errors.New("no document has a title or a text")
	}
	defer sync.watch(ctx)()
	if err := sync.learn(ctx); err != nil {
		return err
	}
	outcomes := sync.upload(ctx, "Loading", items)
	if ctx.Err() == nil {
		sync.wait(ctx, "Processing", outcomes)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	first := ""
	for _, o := range outcomes {
		switch {
		case o.Action == actionFailed:
			loaded.Failed++
			first = cmp.Or(first, o.Path+": "+o.Error)
		case o.Action == actionUnchanged:
			loaded.Unchanged++
		}
	}
	if loaded.Failed > 0 {
		e.err.printf("%s to load %s, such as %s\n", e.err.red("failed"), countedOf(loaded.Failed, "document"), oneLine(first))
	}
	if loaded.Failed == len(items) {
		return errTold
	}
	loaded.Seconds = time.Since(began).Seconds()
	loaded.Spent, err = e.spentSince(ctx, before)
	return err
}

// restBetweenCounts is how often a server of its own is asked for missing vectors.
const restBetweenCounts = time.Second

// embedded waits until no passage lacks its vector: a folder that is used again with
// another embedding model gets them after its start.
func (e *evaluation) embedded(ctx context.Context) error {
	var p *progress
	most := 0
	for {
		health, err := e.client.Health(ctx)
		if err != nil {
			return err
		}
		missing := health.Providers.Embeddings.MissingVectors
		if missing == 0 {
			return nil
		}
		if p == nil {
			most = missing
			p = e.progress("Embedding "+countedOf(missing, "passage")+" with another model", int64(missing), unitItems)
			defer p.finish()
		}
		p.set(int64(max(most-missing, 0)))
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(restBetweenCounts):
		}
	}
}

// itemsOf returns the documents as memos to be. One without a title has its id as
// title, and one without a text its title as text; one with neither is left out. A
// title that is too long for the wire is cut, and stands whole before the text.
func itemsOf(documents []evaluate.Document) []item {
	var items []item
	for _, d := range documents {
		title, text := strings.TrimSpace(d.Title), d.Text
		if strings.TrimSpace(text) == "" {
			text = title
		}
		if text == "" {
			continue
		}
		title = cmp.Or(title, d.ID)
		if memo.UTF16Len(title) > maxRef {
			whole := title
			title = cutTitle(title)
			text = whole + "\n\n" + text
		}
		items = append(items, item{
			path: d.ID, name: d.ID + ".txt", title: title, ref: d.ID,
			open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil },
		})
	}
	return items
}

// spent returns what the project has been spent so far.
func (e *evaluation) spent(ctx context.Context) (evaluate.Spent, error) {
	u, err := e.client.Usage(ctx, client.UsageRequest{Limit: 1})
	if err != nil {
		return evaluate.Spent{}, fmt.Errorf("ask what was spent: %w", err)
	}
	return evaluate.Spent{Tokens: u.Total.InputTokens + u.Total.OutputTokens, Dollars: u.Total.Cost}, nil
}

// bookedWithin is how long it takes at most until the sums of a server have what it
// spent: it writes them each second.
const bookedWithin = 1200 * time.Millisecond

// spentSince returns what was spent since an earlier sum, when all of it is in the
// sums. Where no model embeds there is nothing to wait for.
func (e *evaluation) spentSince(ctx context.Context, before evaluate.Spent) (evaluate.Spent, error) {
	if e.report.Server.Embeddings != config.None {
		select {
		case <-ctx.Done():
			return evaluate.Spent{}, ctx.Err()
		case <-time.After(bookedWithin):
		}
	}
	after, err := e.spent(ctx)
	return after.Since(before), err
}
