package client_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"strings"

	"kvasir/client"
)

func ExampleClient_CreateMemo() {
	ctx := context.Background()
	c := client.New(client.DefaultURL, os.Getenv("KVASIR_API_KEY"), nil)
	id, err := c.CreateMemo(ctx, client.NewMemo{
		Title:       "Ducks",
		Content:     "Ducks are omnivores. Bread is bad for them.",
		MemoOptions: client.MemoOptions{ReferenceID: "birds/duck.md", Tags: []string{"birds"}},
	})
	if err != nil {
		log.Fatal(err)
	}
	if _, err := c.WaitForMemo(ctx, client.ByID(id)); err != nil {
		log.Fatal(err)
	}
	fmt.Println("the memo can be found")
}

func ExampleClient_UploadFile() {
	ctx := context.Background()
	c := client.New(client.DefaultURL, os.Getenv("KVASIR_API_KEY"), nil)
	id, err := c.UploadFile(ctx, client.Upload{Name: "notes.md", Body: strings.NewReader("# Notes\n\nHerons eat fish.")})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("stored as", id)
}

func ExampleClient_StreamChat() {
	ctx := context.Background()
	c := client.New(client.DefaultURL, os.Getenv("KVASIR_API_KEY"), nil)
	question := client.ChatRequest{
		Query: "What do ducks eat?",
		RAG:   &client.RAGConfig{References: &client.Toggle{Enabled: true}},
	}
	for event, err := range c.StreamChat(ctx, question) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Print(event.Text)
		for _, cited := range event.Citations {
			fmt.Printf("\n[%d] %s", cited.Number, cited.MemoTitle)
		}
	}
}

func ExampleClient_Find() {
	ctx := context.Background()
	c := client.New(client.DefaultURL, os.Getenv("KVASIR_API_KEY"), nil)
	found, err := c.Find(ctx, client.SearchRequest{
		Query: "travel expenses", Explain: true,
		Retrieval: &client.Retrieval{Recency: &client.Recency{HalfLifeDays: 90, Weight: 0.5}},
	})
	if err != nil {
		log.Fatal(err)
	}
	for _, stage := range found.Explanation.Stages {
		for _, dropped := range stage.Dropped {
			fmt.Println(stage.Name, "dropped", dropped.ChunkID+":", dropped.Reason)
		}
	}
}

func ExampleClient_AllMemos() {
	ctx := context.Background()
	c := client.New(client.DefaultURL, os.Getenv("KVASIR_API_KEY"), nil)
	for memo, err := range c.AllMemos(ctx) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(memo.ID, memo.Status, memo.Title)
	}
}
