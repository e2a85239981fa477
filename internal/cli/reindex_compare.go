package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"kvasir/client"
	"kvasir/internal/evaluate"
)

// A reindexCompare measures two versions.
type reindexCompare struct {
	server

	Collection string `required:"" type:"path" placeholder:"DIR" help:"Of corpus.jsonl, queries.jsonl and qrels.tsv."`
	Jobs       int    `default:"1" placeholder:"N" help:"How many queries at once, up to 64."`
	PerQuery   bool   `help:"List each query."`
	JSON       bool   `name:"json" help:"Print JSON."`
}

// Help tells what is compared.
func (reindexCompare) Help() string {
	return `Asks the queries of a collection of the live version and of the next one, and
prints how well both find: nDCG, recall, MRR and success as kvasir eval has them,
the difference, and how likely it is by chance (p). After a flip it compares the
version before with the live one. The collection's documents must be memos of the
project, by their reference ids; nothing is loaded.

Examples:

    kvasir reindex compare --collection scifact
    kvasir reindex compare --collection scifact --per-query
    kvasir reindex compare --collection scifact --json`
}

// Run compares.
func (c *reindexCompare) Run(ctx context.Context, s *session) error {
	e := &evaluation{
		evalCommand: &evalCommand{Collection: c.Collection, Jobs: c.Jobs, PerQuery: c.PerQuery, JSON: c.JSON},
		session:     s, client: c.client(s),
	}
	if err := e.read(); err != nil {
		return err
	}
	versions, err := e.twoVersions(ctx)
	if err != nil {
		return err
	}
	if err := e.know(ctx); err != nil {
		return err
	}
	count := len(e.collection.Queries)
	p := e.progress("Asking "+grouped(count)+" queries", int64(count), unitItems)
	var with []evaluate.Configuration
	for _, v := range versions {
		with = append(with, e.inVersion(v))
	}
	e.report.Runs, err = evaluate.Search(ctx, e.collection.Queries, e.collection.Judged, with,
		evaluate.SearchOptions{Jobs: e.jobs(), Asked: func() { p.add(1) }})
	p.finish()
	if err != nil {
		return err
	}
	if err := e.compare(); err != nil {
		return err
	}
	if e.JSON {
		return e.printJSON(&e.report)
	}
	if e.PerQuery {
		e.printQueries()
	}
	e.printRuns()
	e.printComparison(e.report.Comparison)
	return nil
}

// twoVersions returns what is compared: the older first.
func (e *evaluation) twoVersions(ctx context.Context) ([]*client.IndexVersion, error) {
	status, err := e.client.Reindexing(ctx)
	if err != nil {
		return nil, err
	}
	live := status.Version(client.IndexLive)
	next, former := status.Version(client.IndexNext), status.Version(client.IndexFormer)
	switch {
	case next != nil && !next.Complete:
		return nil, fmt.Errorf("version %d is not complete yet: kvasir reindex follows it", next.Version)
	case next != nil:
		return []*client.IndexVersion{live, next}, nil
	case former != nil:
		return []*client.IndexVersion{former, live}, nil
	}
	return nil, errors.New("there is one version, and none to compare it with: kvasir reindex builds another")
}

// know learns which memo is which document, and whether they are there.
func (e *evaluation) know(ctx context.Context) error {
	e.refs = map[string]string{}
	there := map[string]bool{}
	for m, err := range e.client.AllMemos(ctx) {
		if err != nil {
			return err
		}
		if m.ReferenceID != "" {
			e.refs[m.ID], there[m.ReferenceID] = m.ReferenceID, true
		}
	}
	missing := 0
	for _, d := range itemsOf(e.collection.Documents) {
		if !there[d.ref] {
			missing++
		}
	}
	if missing == len(e.collection.Documents) {
		return fmt.Errorf("no document of %s is a memo of the project: load them with kvasir eval %s --url %s",
			e.report.Collection, e.Collection, client.DefaultURL)
	}
	if missing > 0 {
		e.err.printf("Documents that are no memos of the project, and count as not found: %s\n", grouped(missing))
	}
	return nil
}

// inVersion searches in a version.
func (e *evaluation) inVersion(v *client.IndexVersion) evaluate.Configuration {
	name := fmt.Sprintf("version %d (%s, %s)", v.Version, v.State, v.Model)
	return evaluate.Configuration{Options: name, Search: func(ctx context.Context, text string) ([]string, error) {
		ids, err := e.client.SearchVersion(ctx, v.State, text, evaluate.Depth)
		for i, id := range ids {
			ids[i] = cmp.Or(e.refs[id], id)
		}
		return ids, err
	}}
}
