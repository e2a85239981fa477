package cli

import (
	"context"

	"kvasir/client"
)

// A searchCommand finds passages.
type searchCommand struct {
	server

	Query string `arg:"" help:"What to look for."`
	Limit int    `short:"n" default:"5" placeholder:"N" help:"How many passages at most, up to 50."`
	JSON  bool   `name:"json" help:"Print JSON."`
}

// Help shows examples.
func (searchCommand) Help() string {
	return `Finds the passages that fit best, by meaning and by words.

Examples:

    kvasir search "least-served project"
    kvasir search --limit 20 --json heron`
}

// Run prints the passages, the best first.
func (c *searchCommand) Run(ctx context.Context, s *session) error {
	results, err := c.client(s).Search(ctx, client.SearchRequest{Query: c.Query, Limit: c.Limit})
	if err != nil {
		return err
	}
	if c.JSON {
		return s.printJSON(map[string]any{"results": append([]client.SearchResult{}, results...)})
	}
	if len(results) == 0 {
		s.err.printf("Nothing fits.\n")
	}
	for i, r := range results {
		s.out.printf("%s %s\n", s.out.bold(oneLine(r.MemoTitle)),
			s.out.dim("(distance "+formatDistance(r.Distance)+", memo "+r.MemoID+")"))
		s.out.printf("%s\n", wrapped(r.Content, "  ", s.out.width()))
		if i < len(results)-1 {
			s.out.printf("\n")
		}
	}
	return nil
}
