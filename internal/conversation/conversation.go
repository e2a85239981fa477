// Package conversation holds the words of chats: messages, citations, references.
package conversation

import (
	"time"

	"kvasir/internal/account"
	"kvasir/internal/memo"
)

// A ChatID identifies a chat: a UUID in lower case.
type ChatID string

// The senders of messages.
const (
	SentByUser  = "user"
	SentByModel = "model"
)

// A Chat is a conversation inside a project. Its title is the first question.
type Chat struct {
	ID           ChatID
	Project      account.ProjectID
	Created      time.Time
	Title        string // "Untitled Chat" when there is no message
	MessageCount int
	LastMessage  time.Time
	Messages     []Message // by time; only when one chat is read
}

// A Message is one turn.
type Message struct {
	ID           string
	Content      string
	SentBy       string
	Sent         time.Time
	SystemPrompt *string // the client's, on a user's message
	Cut          bool    // the answer ended with an error or a hang-up
}

// An Exchange is a question and its answer, stored together. An empty Chat
// starts a new one.
type Exchange struct {
	Chat         ChatID
	Question     string
	Asked        time.Time
	Answer       string
	Answered     time.Time
	SystemPrompt *string
	Cut          bool
}

// A Reference is a passage that was handed to the model, by its number.
type Reference struct {
	Number    int
	Memo      memo.ID
	MemoTitle string
}

// A Citation is a place where an answer cites a passage: [[Number]] in the
// answer, tied to a chunk and its byte range in the memo's text.
type Citation struct {
	Number    int
	Memo      memo.ID
	MemoTitle string
	Chunk     memo.ChunkID
	Start     int
	End       int
}
