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
// answer, tied to a chunk and to the sentences in it that bear the claim out.
type Citation struct {
	Number    int
	Memo      memo.ID
	MemoTitle string
	Chunk     memo.ChunkID
	Start     int // of the sentences, in bytes of the memo's text
	End       int
	Text      string // the sentences themselves; empty where they are not known
	Page      int    // where the range begins; 0 if the memo has no pages
	// Support is from 0 to 1 how well the range bears out what is claimed.
	Support float64
}

// A Flag marks a sentence of an answer that its citations do not bear out.
type Flag struct {
	Start  int // in bytes of the answer
	End    int
	Text   string
	Reason FlagReason
	// Numbers are those the sentence cites; empty if it cites none.
	Numbers []int
}

// A FlagReason is why a sentence is marked.
type FlagReason string

// The reasons.
const (
	FlagUnsupported FlagReason = "unsupported" // what it cites says something else, or less
	FlagUncited     FlagReason = "uncited"     // it claims something and cites nothing
	FlagNoPassage   FlagReason = "no_passage"  // it cites a number that no passage has
)

// A Step is one move of an agentic answer: what the model chose to do, and what
// came of it, in a line each.
type Step struct {
	Number int
	Tool   string // search, read_memo, list_tags; answer where it was ended for it
	Input  string
	Result string
}
