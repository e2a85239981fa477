package cli

import (
	"context"

	"kvasir/internal/bench"
)

// A benchIndex measures the search index.
type benchIndex struct {
	Chunks     int     `default:"100000" help:"Chunks of the project."`
	Dimensions int     `default:"384" help:"Of the vectors."`
	Words      int     `default:"180" help:"Of a chunk."`
	Filter     float64 `placeholder:"SHARE" help:"Search once more with a filter for this share of the memos: 0 to 1."`
	Queries    int     `default:"20" help:"Different queries."`
	Searches   int     `default:"300" help:"Searches of each kind."`
	JSON       bool    `name:"json" help:"Print JSON."`
}

// Help tells what is measured.
func (benchIndex) Help() string {
	return `Fills an index with a project that is made up: texts with words as frequent as in
a language, vectors around topics. Searches it by words and by vectors at the same
time, one search after the other, and prints how long that takes, how many of the
ten nearest vectors of an exact search are found, and the memory of the process.
No file is written. A million chunks take some minutes.

Examples:

    kvasir bench index
    kvasir bench index --chunks 1000000 --dimensions 1536 --filter 0.01`
}

// Run measures and prints.
func (c *benchIndex) Run(ctx context.Context, s *session) error {
	report, err := bench.Index(ctx, bench.IndexOptions{
		Chunks: c.Chunks, Dimensions: c.Dimensions, Words: c.Words, Filter: c.Filter, Queries: c.Queries,
		Searches: c.Searches, Progress: func(what string) { s.err.printf("%s\n", s.err.dim("index: "+what)) },
	})
	if err != nil {
		return err
	}
	if c.JSON {
		return s.printJSON(report)
	}
	s.printBench(report)
	return nil
}
