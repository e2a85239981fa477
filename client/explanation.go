package client

// An Explanation tells what each stage of a search did, in their order.
type Explanation struct {
	Question string  `json:"question,omitzero"` // as it was searched for, in an answer
	Stages   []Stage `json:"stages"`
}

// A Stage is one step of a search.
type Stage struct {
	Name   string   `json:"name"` // understand, filter, lexical, vector, fuse, …
	TookMS float64  `json:"took_ms"`
	Notes  []string `json:"notes"` // what the stage decided, in words
	// Candidates are those the stage was left with, the best first, 50 at most; Total
	// is how many there were.
	Candidates []Candidate `json:"candidates"`
	Total      int         `json:"total"`
	Dropped    []Dropped   `json:"dropped"` // 50 at most
}

// A Candidate is a passage with its score at a stage. Higher is better; scores of
// different stages do not compare.
type Candidate struct {
	ChunkID   string  `json:"chunk_uuid"`
	MemoID    string  `json:"memo_uuid"`
	MemoTitle string  `json:"memo_title"` // empty if the memo is gone
	Score     float64 `json:"score"`
}

// A Dropped passage is one that a stage took out.
type Dropped struct {
	ChunkID string `json:"chunk_uuid"`
	MemoID  string `json:"memo_uuid"`
	Reason  string `json:"reason"` // in words
}
