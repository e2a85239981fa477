package cli

import (
	"context"
	"fmt"
	"strings"

	"kvasir/client"
)

// A processingFlags says how memos are cut and enriched.
type processingFlags struct {
	ChunkWords int      `placeholder:"N" help:"About how many words a passage has, 20 to 2000."`
	Enrich     []string `enum:"summary,tags,context,questions,none" placeholder:"WHAT" help:"A model writes ${enum}."`
}

// processing returns what the flags set.
func (f *processingFlags) processing() client.Processing {
	p := client.Processing{ChunkWords: f.ChunkWords}
	for _, name := range f.Enrich {
		if p.Enrich == nil {
			p.Enrich = []client.Aspect{}
		}
		if name != "none" {
			p.Enrich = append(p.Enrich, client.Aspect(name))
		}
	}
	return p
}

// A processingCommand shows or sets how a project's memos are processed.
type processingCommand struct {
	server
	processingFlags

	Reset bool `help:"Forget what is set; memos are processed as the server has it."`
	JSON  bool `name:"json" help:"Print JSON."`
}

// Help shows examples.
func (processingCommand) Help() string {
	return `Without options it shows how the project's memos are cut and enriched unless
they say otherwise. With options it sets that for memos that are added or changed
from now on; what is not named stays.

Examples:

    kvasir processing
    kvasir processing --enrich summary,tags
    kvasir processing --chunk-words 120 --enrich none`
}

// Run shows or sets it.
func (c *processingCommand) Run(ctx context.Context, s *session) error {
	server := c.client(s)
	now, err := server.Processing(ctx)
	set := c.processing()
	switch {
	case err != nil:
		return err
	case c.Reset:
		now, err = server.SetProcessing(ctx, set)
	case set.ChunkWords != 0 || set.Enrich != nil:
		if set.ChunkWords == 0 {
			set.ChunkWords = now.ChunkWords
		}
		if set.Enrich == nil {
			set.Enrich = now.Enrich
		}
		now, err = server.SetProcessing(ctx, set)
	}
	if err != nil {
		return err
	}
	if c.JSON {
		return s.printJSON(now)
	}
	s.out.printf("%s\n", describeProcessing(now))
	return nil
}

// describeProcessing says in two lines how memos are processed.
func describeProcessing(p client.Processing) string {
	chunks, enrich := "as the server has it", "nothing"
	if p.ChunkWords > 0 {
		chunks = fmt.Sprintf("about %d words", p.ChunkWords)
	}
	if len(p.Enrich) > 0 {
		names := make([]string, len(p.Enrich))
		for i, a := range p.Enrich {
			names[i] = string(a)
		}
		enrich = strings.Join(names, ", ")
	}
	return "passages  " + chunks + "\nenrich    " + enrich
}
