package api

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"kvasir/internal/conversation"
	"kvasir/internal/fault"
)

const chatNotFound = "Chat not found"

// A chatSummary is a chat in a list.
type chatSummary struct {
	UUID          conversation.ChatID `json:"uuid" format:"uuid"`
	CreatedAt     stamp               `json:"created_at"`
	Title         string              `json:"title" doc:"The first question."`
	MessageCount  int                 `json:"message_count"`
	LastMessageAt *stamp              `json:"last_message_at" nullable:"true"`
}

// A chatDetail is one chat.
type chatDetail struct {
	UUID      conversation.ChatID `json:"uuid" format:"uuid"`
	CreatedAt stamp               `json:"created_at"`
	Messages  []chatMessage       `json:"messages" nullable:"false"`
}

// A chatMessage is a question or an answer.
type chatMessage struct {
	UUID               string  `json:"uuid" format:"uuid"`
	Content            string  `json:"content"`
	SentBy             string  `json:"sent_by" enum:"user,model"`
	SentAt             stamp   `json:"sent_at"`
	ClientSystemPrompt *string `json:"client_system_prompt"`
	Cut                bool    `json:"cut" doc:"Whether the answer broke off."`
}

// A chatOutput is one chat as an answer.
type chatOutput struct {
	Body chatDetail
}

// A chatIDInput names a chat.
type chatIDInput struct {
	request
	ID string `path:"id" doc:"The chat's id." example:"0197a1f2-2f57-7c3e-9d51-6b0f7a1c2d3e"`
}

func (s *server) listChats(ctx context.Context, in *listInput) (*listOutput[chatSummary], error) {
	p, err := in.page()
	if err != nil {
		return nil, err
	}
	chats, count, err := s.Chats.ListChats(ctx, in.project, p.offset(), p.size)
	if err != nil {
		return nil, err
	}
	results := make([]chatSummary, len(chats))
	for i, c := range chats {
		results[i] = chatSummary{
			UUID: c.ID, CreatedAt: stamp(c.Created), Title: c.Title, MessageCount: c.MessageCount,
			LastMessageAt: stampOf(orNoTime(c.LastMessage)),
		}
	}
	return listPage(s, in.r, p, results, count), nil
}

func orNoTime(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// parseChatID reads an id as a client sends it. What cannot be an id names no chat.
func parseChatID(text string) (conversation.ChatID, error) {
	id := strings.ToLower(text)
	if !uuidForm.MatchString(id) {
		return "", fault.New(fault.NotFound, chatNotFound)
	}
	return conversation.ChatID(id), nil
}

func (s *server) findChat(ctx context.Context, in *chatIDInput) (*chatOutput, error) {
	id, err := parseChatID(in.ID)
	if err != nil {
		return nil, err
	}
	c, err := s.Chats.FindChat(ctx, in.project, id)
	if err != nil {
		return nil, orNotFound(err, chatNotFound)
	}
	detail := chatDetail{UUID: c.ID, CreatedAt: stamp(c.Created), Messages: make([]chatMessage, len(c.Messages))}
	for i, m := range c.Messages {
		detail.Messages[i] = chatMessage{m.ID, m.Content, m.SentBy, stamp(m.Sent), m.SystemPrompt, m.Cut}
	}
	return &chatOutput{detail}, nil
}

func (s *server) registerChats() {
	register(s, huma.Operation{
		OperationID: "listChats", Method: http.MethodGet, Path: chatPath, Tags: []string{"chat"},
		Summary: "List chats", Description: "The newest first.",
	}, []int{400}, s.listChats)
	register(s, huma.Operation{
		OperationID: "findChat", Method: http.MethodGet, Path: "/api/v1/chat/{id}", Tags: []string{"chat"},
		Summary: "Read a chat", Description: "With its messages, in order.",
	}, []int{404}, s.findChat)
}
