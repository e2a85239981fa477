package api

import (
	"math"
	"slices"
	"time"

	"kvasir/internal/api/field"
	"kvasir/internal/memo"
	"kvasir/internal/retrieval"
)

// The longest texts and lists of an explanation. What is longer tells no more.
const (
	maxNoteUnits   = 1000
	maxReasonUnits = 255
	maxNotes       = 100
)

// An explanation tells what each stage of a search did, in their order.
type explanation struct {
	Question string  `json:"question,omitempty" doc:"As it was searched for, in an answer."`
	Stages   []stage `json:"stages" nullable:"false"`
}

// A stage is one step of a search.
type stage struct {
	Name       string      `json:"name" example:"fuse"`
	TookMS     float64     `json:"took_ms" doc:"In milliseconds."`
	Notes      []string    `json:"notes" nullable:"false" doc:"What the stage decided, in words."`
	Total      int         `json:"total" doc:"How many candidates it was left with, or has found."`
	Candidates []candidate `json:"candidates" nullable:"false" doc:"The best of them, 50 at most."`
	Dropped    []dropped   `json:"dropped" nullable:"false" doc:"Those it took out, 50 at most."`
}

// A candidate is a chunk with its score at a stage.
type candidate struct {
	ChunkUUID memo.ChunkID `json:"chunk_uuid"`
	MemoUUID  memo.ID      `json:"memo_uuid"`
	MemoTitle string       `json:"memo_title" doc:"Empty if the memo is gone."`
	Score     float64      `json:"score" doc:"Higher is better. Scores of different stages do not compare."`
}

// A dropped candidate is one that a stage took out.
type dropped struct {
	ChunkUUID memo.ChunkID `json:"chunk_uuid"`
	MemoUUID  memo.ID      `json:"memo_uuid"`
	Reason    string       `json:"reason" doc:"Why, in words."`
}

// explanationOf returns nil for none.
func explanationOf(question string, e *retrieval.Explanation) *explanation {
	if e == nil {
		return nil
	}
	out := &explanation{Question: field.Cut(question, maxNoteUnits), Stages: make([]stage, len(e.Stages))}
	for i := range e.Stages {
		out.Stages[i] = stageOf(&e.Stages[i])
	}
	return out
}

func stageOf(s *retrieval.Stage) stage {
	out := stage{
		Name: s.Name, TookMS: rounded(float64(s.Took)/float64(time.Millisecond), 1e3), Total: s.Total,
		Notes:      make([]string, min(len(s.Notes), maxNotes)),
		Candidates: make([]candidate, len(s.Candidates)),
		Dropped:    make([]dropped, len(s.Dropped)),
	}
	for i := range out.Notes {
		out.Notes[i] = field.Cut(s.Notes[i], maxNoteUnits)
	}
	for i, c := range s.Candidates {
		out.Candidates[i] = candidate{c.Chunk, c.Memo, c.Title, rounded(c.Score, 1e6)}
	}
	for i, d := range s.Dropped {
		out.Dropped[i] = dropped{d.Chunk, d.Memo, field.Cut(d.Reason, maxReasonUnits)}
	}
	return out
}

// shortened returns the stage with shorter texts.
func (s *stage) shortened(units int) stage {
	out := *s
	out.Notes = slices.Clone(s.Notes)
	for i, note := range out.Notes {
		out.Notes[i] = abridged(note, units)
	}
	out.Candidates = slices.Clone(s.Candidates)
	for i, c := range out.Candidates {
		out.Candidates[i].MemoTitle = abridged(c.MemoTitle, units)
	}
	out.Dropped = slices.Clone(s.Dropped)
	for i, d := range out.Dropped {
		out.Dropped[i].Reason = abridged(d.Reason, units)
	}
	return out
}

// abridged cuts a text and shows that it is cut.
func abridged(text string, units int) string {
	if short := field.Cut(text, units); short != text {
		return short + "…"
	}
	return text
}

// rounded leaves as many digits as a person can use. What JSON cannot hold is 0.
func rounded(f, digits float64) float64 {
	if f = math.Round(f*digits) / digits; math.IsNaN(f) || math.IsInf(f, 0) {
		return 0
	}
	return f
}

// filtersOf returns filters in the shape in which they are sent.
func filtersOf(list memo.Filters) []filter {
	if len(list) == 0 {
		return nil
	}
	out := make([]filter, len(list))
	for i, f := range list {
		out[i] = filter{f.Field, f.Operator, valueOf(&f), f.Type}
	}
	return out
}

func valueOf(f *memo.Filter) any {
	switch {
	case f.Operator == "in" || f.Operator == "not_in":
		return append([]string{}, f.Values...)
	case f.Null || len(f.Values) == 0:
		return nil
	}
	return f.Values[0]
}
