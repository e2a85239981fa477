package storetest

import (
	"fmt"
	"time"

	"kvasir/internal/conversation"
	"kvasir/internal/fault"
)

func chatGrows(r *room) {
	ctx := r.Context()
	asked := r.now
	id, err := r.s.SaveExchange(ctx, r.p, conversation.Exchange{
		Question: "Do ducks swim?", Asked: asked, Answer: "They do.", Answered: asked, SystemPrompt: new("be brief"),
	})
	r.must(err)
	again, err := r.s.SaveExchange(ctx, r.p, conversation.Exchange{
		Chat: id, Question: "And fly?", Asked: asked.Add(time.Minute), Answer: "Th", Answered: asked.Add(2 * time.Minute),
		Cut: true,
	})
	r.must(err)
	_, err = r.s.SaveExchange(ctx, r.p, conversation.Exchange{Chat: id, Question: "Hello?", Asked: asked.Add(time.Hour)})
	r.must(err)
	got, err := r.s.FindChat(ctx, r.p, id)
	r.must(err)
	want := conversation.Chat{
		ID: again, Project: r.p, Created: asked, Title: "Do ducks swim?", MessageCount: 5,
		LastMessage: asked.Add(time.Hour),
		Messages: []conversation.Message{
			{Content: "Do ducks swim?", SentBy: "user", Sent: asked, SystemPrompt: new("be brief")},
			{Content: "They do.", SentBy: "model", Sent: asked},
			{Content: "And fly?", SentBy: "user", Sent: asked.Add(time.Minute)},
			{Content: "Th", SentBy: "model", Sent: asked.Add(2 * time.Minute), Cut: true},
			{Content: "Hello?", SentBy: "user", Sent: asked.Add(time.Hour)},
		},
	}
	for i := range got.Messages {
		if len(got.Messages[i].ID) != 36 {
			r.Errorf("message id %q is no UUID", got.Messages[i].ID)
		}
		got.Messages[i].ID = ""
	}
	r.same(want, got, "FindChat")
	unknown := conversation.ChatID(newMemoID())
	_, err = r.s.SaveExchange(ctx, r.p, conversation.Exchange{Chat: unknown, Question: "q", Asked: asked})
	r.refused(err, fault.NotFound, "an exchange in an unknown chat")
	_, err = r.s.FindChat(ctx, r.p, unknown)
	r.refused(err, fault.NotFound, "an unknown chat")
}

func chatsAreListed(r *room) {
	ctx := r.Context()
	for i := range 3 {
		_, err := r.s.SaveExchange(ctx, r.p, conversation.Exchange{Question: fmt.Sprint("question ", i), Asked: r.tick()})
		r.must(err)
	}
	var titles []string
	for offset := 0; offset < 6; offset += 2 {
		page, total, err := r.s.ListChats(ctx, r.p, offset, 2)
		r.must(err)
		if total != 3 {
			r.Errorf("ListChats counts %d, want 3", total)
		}
		for _, c := range page {
			titles = append(titles, c.Title)
			if c.MessageCount != 1 || c.Messages != nil || c.LastMessage.IsZero() {
				r.Errorf("listed chat %+v", c)
			}
		}
	}
	r.same([]string{"question 2", "question 1", "question 0"}, titles, "titles")
}
