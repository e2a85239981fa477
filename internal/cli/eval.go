package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"kvasir/client"
	"kvasir/internal/config"
	"kvasir/internal/evaluate"
)

// An evalCommand measures how well a collection is found.
type evalCommand struct {
	Collection string `arg:"" optional:"" type:"path" help:"A folder of corpus.jsonl, queries.jsonl and qrels.tsv."`

	Queries string `type:"path" placeholder:"FILE" help:"Ask these queries about what is there already."`
	Qrels   string `type:"path" placeholder:"FILE" help:"Which reference ids are relevant to them."`

	Data string        `type:"path" placeholder:"DIR" help:"Keep what is loaded, and use it again."`
	URL  string        `name:"url" placeholder:"URL" help:"Use a running server."`
	Key  config.Secret `variable:"KVASIR_API_KEY" placeholder:"KEY" help:"Its API key."`

	With    searchOptions  `placeholder:"OPTIONS" help:"Search with options, such as fusion=rrf,diversity=0.3."`
	Compare *searchOptions `placeholder:"OPTIONS" help:"Search with these as well, and compare."`

	Answers   *int    `placeholder:"N" help:"Ask N of its questions in chat. Default: 100, or all if it is free."`
	Baseline  string  `type:"existingfile" placeholder:"FILE" help:"Compare with what --json printed before."`
	FailUnder []floor `placeholder:"MEASURE=N" help:"Exit with status 1 if ndcg@10, say, is below N."`
	Jobs      int     `default:"1" placeholder:"N" help:"How many queries at once, up to 64."`
	PerQuery  bool    `help:"List each query."`
	JSON      bool    `name:"json" help:"Print JSON."`
}

// Help tells what is measured.
func (evalCommand) Help() string {
	return `Loads a collection's documents into a server of its own, made with the
configuration of the environment on a folder that is deleted again, asks every
query over HTTP, and prints how good what was found is: nDCG, recall, MRR and
success as trec_eval computes them, the time of a search, and what was spent.

The files are those of BEIR, gzipped or not: corpus.jsonl of {"id","title","text"},
queries.jsonl of {"id","text"}, and qrels.tsv of query, document and grade.

With --compare each query is asked with two sets of options, and with --baseline
the report of an earlier run is held against this one: both tell the difference,
how likely it is by chance (p), and the queries that changed most. Options are
fusion, diversity, recency.half_life_days, recency.weight, tag_boosts.TAG,
keep_duplicates, multi_query, hyde, infer_filters, rerank, candidates and
max_distance.

With --data the folder stays, and what is unchanged in it is not loaded again.
With --url the documents go to a running server. With --queries and --qrels
nothing is loaded: they are about memos by their reference ids.

Examples:

    kvasir eval scifact
    kvasir eval scifact --data /tmp/scifact --json
    kvasir eval scifact --data /tmp/scifact --compare fusion=rrf
    kvasir eval scifact --fail-under ndcg@10=0.7 --fail-under recall@50=0.9
    kvasir eval --queries queries.jsonl --qrels qrels.tsv`
}

// Validate refuses a command line that does not say what is measured.
func (c *evalCommand) Validate() error {
	switch {
	case (c.Queries == "") != (c.Qrels == ""):
		return errors.New("--queries and --qrels belong together")
	case (c.Collection == "") == (c.Queries == ""):
		return errors.New(`expected "<collection>", or --queries and --qrels`)
	case c.Compare != nil && c.Baseline != "":
		return errors.New("--compare and --baseline are two comparisons: choose one")
	case c.Data != "" && c.URL != "":
		return errors.New("--data is the folder of a server of its own: it does not go with --url")
	}
	return nil
}

// Run measures.
func (c *evalCommand) Run(ctx context.Context, s *session) error {
	e := &evaluation{evalCommand: c, session: s}
	if err := e.read(); err != nil {
		return err
	}
	e.own = c.URL == "" && (c.Collection != "" || c.Data != "")
	if e.own {
		return e.serveAndMeasure(ctx)
	}
	v := server{URL: cmp.Or(c.URL, s.env.Get("KVASIR_URL"), client.DefaultURL), Key: c.Key}
	return e.measure(ctx, v.client(s))
}

// An evaluation is one that is under way.
type evaluation struct {
	*evalCommand
	*session

	own        bool // the server is this command's own
	quotes     bool // no model answers, so answers cost nothing
	collection *evaluate.Collection
	report     evaluate.Report
	baseline   *evaluate.Report // nil for none
	client     *client.Client
	refs       map[string]string // reference ids of memos by the server's
}

// read reads the files.
func (e *evaluation) read() error {
	var err error
	if e.Baseline != "" {
		if e.baseline, err = readBaseline(e.Baseline); err != nil {
			return fmt.Errorf("%s: %w", e.Baseline, err)
		}
	}
	if e.Collection == "" {
		e.report.Collection = e.Queries
		e.collection = &evaluate.Collection{}
		e.collection.Queries, e.collection.Judged, err = evaluate.ReadQueries(
			os.DirFS(filepath.Dir(e.Queries)), filepath.Base(e.Queries),
			os.DirFS(filepath.Dir(e.Qrels)), filepath.Base(e.Qrels))
		return err
	}
	e.report.Collection = filepath.Base(e.Collection)
	if e.collection, err = evaluate.ReadCollection(os.DirFS(e.Collection)); err != nil {
		return fmt.Errorf("%s: %w", e.Collection, err)
	}
	if e.collection.Missing > 0 {
		e.err.printf("Judged documents that are not in %s, and count as not found: %s\n",
			evaluate.CorpusFile, grouped(e.collection.Missing))
	}
	return nil
}

func readBaseline(name string) (*evaluate.Report, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return evaluate.ReadReport(file)
}

// measure loads, asks, and prints what there is, even if ctx ends on the way.
func (e *evaluation) measure(ctx context.Context, server *client.Client) error {
	e.client = server
	if err := e.prepare(ctx); err != nil {
		return err
	}
	before, err := e.spent(ctx)
	if err != nil {
		return err
	}
	failed := e.search(ctx)
	if failed == nil {
		failed = e.ask(ctx)
	}
	e.report.Interrupted = failed != nil
	if failed == nil {
		if e.report.Asking, err = e.spentSince(ctx, before); err != nil {
			return err
		}
	}
	if len(e.report.Runs) > 0 && len(e.report.Runs[0].Queries) > 0 {
		if err := e.tell(); err != nil {
			return err
		}
	}
	if failed != nil {
		return failed
	}
	return e.judge()
}

// search asks all queries.
func (e *evaluation) search(ctx context.Context) error {
	measures := evaluate.Measures()
	for _, f := range e.FailUnder {
		if !slices.ContainsFunc(measures, func(m evaluate.Measure) bool { return m.Name == f.measure.Name }) {
			measures = append(measures, f.measure)
		}
	}
	count := len(e.collection.Queries)
	p := e.progress("Asking "+grouped(count)+" queries", int64(count), unitItems)
	defer p.finish()
	var err error
	e.report.Runs, err = evaluate.Search(ctx, e.collection.Queries, e.collection.Judged,
		e.configurations(), evaluate.SearchOptions{
			Measures: measures, Jobs: e.jobs(), Asked: func() { p.add(1) },
		})
	return err
}

func (e *evaluation) jobs() int { return min(max(e.Jobs, 1), maxJobs) }

// configurations are the one or two ways to search.
func (e *evaluation) configurations() []evaluate.Configuration {
	list := []evaluate.Configuration{e.configuration(e.With)}
	if e.Compare != nil {
		list = append(list, e.configuration(*e.Compare))
	}
	return list
}

// configuration asks the server with options. A memo without a reference id goes by
// the server's id.
func (e *evaluation) configuration(with searchOptions) evaluate.Configuration {
	return evaluate.Configuration{Options: with.text, Search: func(ctx context.Context, text string) ([]string, error) {
		results, err := e.client.Search(ctx, client.SearchRequest{
			Query: text, Limit: evaluate.Depth, Retrieval: with.retrieval,
		})
		ids := make([]string, len(results))
		for i, r := range results {
			ids[i] = cmp.Or(e.refs[r.MemoID], r.MemoID)
		}
		return ids, err
	}}
}
