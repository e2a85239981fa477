// Package event holds the words for what happens to memos: the log that clients
// follow, and the webhooks that are told of it.
package event

import (
	"time"

	"kvasir/internal/account"
	"kvasir/internal/memo"
)

// A Kind is what has happened.
type Kind string

// The kinds.
const (
	Created   Kind = "memo.created"
	Updated   Kind = "memo.updated" // a new generation has begun, or its attributes have changed
	Processed Kind = "memo.processed"
	Failed    Kind = "memo.failed"
	Deleted   Kind = "memo.deleted"
)

// Kinds returns all kinds.
func Kinds() []Kind { return []Kind{Created, Updated, Processed, Failed, Deleted} }

// An Event is an entry of a project's log. Sequence numbers grow in the order of
// commits and are never used twice.
type Event struct {
	Seq         int64
	Project     account.ProjectID
	Kind        Kind
	At          time.Time
	Memo        memo.ID
	ReferenceID string // of the memo at that time; empty if it has none
	Title       string
	Generation  int
	Error       string // why it failed
}

// A Log is where a project's log begins and ends. Old events are forgotten.
type Log struct {
	Oldest int64 // the first event that is kept; 0 if there is none
	Newest int64
}

// A WebhookID identifies a webhook: a UUID in lower case.
type WebhookID string

// A Webhook is an address that is told of a project's events, in their order, at
// least once each.
type Webhook struct {
	ID      WebhookID
	Project account.ProjectID
	URL     string
	Kinds   []Kind // empty for all
	Secret  string // signs what is sent
	Created time.Time

	Delivery
}

// A Delivery is how far a webhook has been told.
type Delivery struct {
	Cursor    int64 // the last event that it has taken
	Attempt   int   // failures since then
	NotBefore time.Time
	LastError string    // why the last attempt failed; empty after a success
	LastTaken time.Time // zero if it has never taken any
}
