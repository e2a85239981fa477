// Ask adds two memos, waits until they can be found, asks a question and prints
// the answer with its sources.
//
// Start a server with kvasir serve, then
//
//	KVASIR_API_KEY=sk_proj_… go run ./examples/ask
//
// KVASIR_URL names a server elsewhere.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"os/signal"

	"kvasir/client"
)

// memos are what the server learns. Their reference ids make a second run
// replace them.
var memos = []client.NewMemo{
	{
		Title:       "Travel policy",
		Content:     "# Trains\n\nFirst class may be booked from four hours of travel on.\n\n# Flights\n\nEconomy only.",
		MemoOptions: client.MemoOptions{ReferenceID: "examples/ask/travel", Source: "handbook"},
	},
	{
		Title:       "Ducks",
		Content:     "Ducks are omnivores: they eat seeds, grass and snails. Bread is bad for them.",
		MemoOptions: client.MemoOptions{ReferenceID: "examples/ask/ducks", Tags: []string{"birds"}},
	},
}

func main() {
	log.SetFlags(0)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	c := client.New(os.Getenv("KVASIR_URL"), os.Getenv("KVASIR_API_KEY"), nil)
	if err := run(ctx, c); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, c *client.Client) error {
	for _, m := range memos {
		done, err := c.UpsertMemo(ctx, m)
		if err != nil {
			return fmt.Errorf("add %q: %w", m.Title, err)
		}
		if _, err := c.WaitForMemo(ctx, client.ByID(done.MemoID)); err != nil {
			return fmt.Errorf("add %q: %w", m.Title, err)
		}
	}
	question := client.ChatRequest{
		Query: "When may I travel first class?",
		RAG:   &client.RAGConfig{References: &client.Toggle{Enabled: true}},
	}
	var sources []client.Citation
	for event, err := range c.StreamChat(ctx, question) {
		if err != nil {
			return fmt.Errorf("ask: %w", err)
		}
		fmt.Print(event.Text)
		sources = append(sources, event.Citations...)
	}
	fmt.Println()
	for _, s := range sources {
		fmt.Printf("[%d] %s, bytes %d to %d\n", s.Number, s.MemoTitle, s.Start, s.End)
	}
	return nil
}
