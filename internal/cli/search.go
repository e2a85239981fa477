package cli

import (
	"context"

	"kvasir/client"
)

// A searchCommand finds passages.
type searchCommand struct {
	server

	Query   string `arg:"" help:"What to look for."`
	Limit   int    `short:"n" default:"5" placeholder:"N" help:"How many passages at most, up to 50."`
	Explain bool   `help:"Print what each stage of the search did."`
	JSON    bool   `name:"json" help:"Print JSON."`

	wishes
	NoRerank    bool     `help:"Leave the order as words and vectors have it."`
	Candidates  int      `placeholder:"N" help:"How many candidates are reranked, up to 200."`
	MaxDistance *float64 `placeholder:"X" help:"The greatest distance of what is found, from 0 to 1."`
}

// Help shows examples.
func (searchCommand) Help() string {
	return `Finds the passages that fit best, by meaning and by words.

Examples:

    kvasir search "least-served project"
    kvasir search --limit 20 --json heron
    kvasir search --explain --diversity 0.3 heron
    kvasir search --recency 30 --boost handbook=1.5 "travel expenses"`
}

// Run prints the passages, the best first.
func (c *searchCommand) Run(ctx context.Context, s *session) error {
	found, err := c.client(s).Find(ctx, client.SearchRequest{
		Query: c.Query, Limit: c.Limit, Retrieval: c.retrieval(), Explain: c.Explain,
	})
	if err != nil {
		return err
	}
	if c.JSON {
		found.Results = append([]client.SearchResult{}, found.Results...) // a list, even of none
		return s.printJSON(found)
	}
	if len(found.Results) == 0 {
		s.err.printf("Nothing fits.\n")
	}
	for i, r := range found.Results {
		s.out.printf("%s %s\n", s.out.bold(oneLine(r.MemoTitle)),
			s.out.dim("(distance "+formatDistance(r.Distance)+", memo "+r.MemoID+")"))
		s.out.printf("%s\n", wrapped(r.Content, "  ", s.out.width()))
		if i < len(found.Results)-1 {
			s.out.printf("\n")
		}
	}
	s.printInferred(found.InferredFilters)
	s.printExplanation(found.Explanation)
	return nil
}

// retrieval returns what the command line asks for beyond the defaults, nil for
// nothing.
func (c *searchCommand) retrieval() *client.Retrieval {
	r := c.wishes.retrieval()
	if !c.NoRerank && c.Candidates == 0 && c.MaxDistance == nil {
		return r
	}
	if r == nil {
		r = &client.Retrieval{}
	}
	r.Candidates, r.MaxDistance = c.Candidates, c.MaxDistance
	if c.NoRerank {
		r.Rerank = new(false)
	}
	return r
}

// wishes are what a search and a question may choose of how passages are found.
type wishes struct {
	Fusion         string             `placeholder:"HOW" help:"How words and vectors become one list: weighted or rrf."`
	Diversity      float64            `placeholder:"X" help:"Prefer what is unlike the passages before it: 0 to 1."`
	Recency        float64            `placeholder:"DAYS" help:"Prefer new memos: the half-life of a memo's relevance."`
	RecencyWeight  float64            `placeholder:"X" default:"0.5" help:"How much of it a memo loses by age: 0 to 1."`
	Boost          map[string]float64 `placeholder:"TAG=N" help:"Multiply the relevance of memos with a tag: 0 to 10."`
	KeepDuplicates bool               `help:"Keep passages that nearly repeat a better one."`
	MultiQuery     bool               `help:"Have a model ask in several ways."`
	HyDE           bool               `name:"hyde" help:"Have a model make up an answer, and search for it, too."`
	InferFilters   bool               `help:"Have a model read tags, sources and times from the question."`
}

// retrieval returns what the command line asks for beyond the defaults, nil for
// nothing.
func (w *wishes) retrieval() *client.Retrieval {
	r := client.Retrieval{
		Fusion: w.Fusion, Diversity: w.Diversity, TagBoosts: w.Boost, KeepDuplicates: w.KeepDuplicates,
		MultiQuery: w.MultiQuery, HyDE: w.HyDE, InferFilters: w.InferFilters,
	}
	asked := r.Fusion != "" || r.Diversity != 0 || len(r.TagBoosts) > 0 || r.KeepDuplicates || r.MultiQuery || r.HyDE ||
		r.InferFilters
	if w.Recency != 0 {
		r.Recency = &client.Recency{HalfLifeDays: w.Recency, Weight: w.RecencyWeight}
	}
	if !asked && r.Recency == nil {
		return nil
	}
	return &r
}
