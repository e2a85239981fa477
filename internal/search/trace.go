package search

import (
	"fmt"
	"strings"
	"time"

	"kvasir/internal/memo"
	"kvasir/internal/retrieval"
)

// shown is how many candidates of a stage an explanation has, and how many of
// those it took out.
const shown = 50

// A trace writes down what the stages of a search do. The nil trace writes
// nothing, and costs nothing.
type trace struct{ stages []*stage }

// A stage is one being written down; nil for none.
type stage struct {
	retrieval.Stage
	began time.Time
}

// begin starts a stage. The stages of one trace stand in the order of their
// beginning.
func (t *trace) begin(name string) *stage {
	if t == nil {
		return nil
	}
	s := &stage{Stage: retrieval.Stage{Name: name}, began: time.Now()}
	t.stages = append(t.stages, s)
	return s
}

// notef says in words what the stage decided.
func (s *stage) notef(format string, args ...any) {
	if s != nil {
		s.Notes = append(s.Notes, fmt.Sprintf(format, args...))
	}
}

// drop tells that the stage took a candidate out.
func (s *stage) drop(c *candidate, format string, args ...any) {
	if s != nil && len(s.Dropped) < shown {
		s.Dropped = append(s.Dropped, retrieval.Dropped{
			Chunk: c.chunk, Memo: c.memo, Reason: fmt.Sprintf(format, args...),
		})
	}
}

// found tells that the stage has found these, too.
func (s *stage) found(hits []memo.Hit) {
	if s == nil {
		return
	}
	s.Total += len(hits)
	for _, h := range hits[:min(shown-len(s.Candidates), len(hits))] {
		s.Candidates = append(s.Candidates, retrieval.Candidate{Chunk: h.Chunk, Memo: h.Memo, Score: h.Score})
	}
}

// left ends a stage that was left with these.
func (s *stage) left(list []*candidate) {
	if s == nil {
		return
	}
	s.Total = len(list)
	for _, c := range list[:min(shown, len(list))] {
		entry := retrieval.Candidate{Chunk: c.chunk, Memo: c.memo, Score: c.score}
		if c.passage != nil {
			entry.Title = c.passage.Title
		}
		s.Candidates = append(s.Candidates, entry)
	}
	s.end()
}

func (s *stage) end() {
	if s != nil {
		s.Took = time.Since(s.began)
	}
}

// explanation returns what was written down.
func (t *trace) explanation() *retrieval.Explanation {
	if t == nil {
		return nil
	}
	out := &retrieval.Explanation{Stages: make([]retrieval.Stage, len(t.stages))}
	for i, s := range t.stages {
		out.Stages[i] = s.Stage
	}
	return out
}

// explainFilters tells which conditions hold for all that follows.
func (r *run) explainFilters() *stage {
	s := r.trace.begin("filter")
	if s == nil {
		return nil
	}
	for _, f := range r.scope.Filters {
		value := strings.Join(f.Values, ", ")
		if f.Null {
			value = "null"
		}
		s.notef("%s %s %s", f.Field, f.Operator, value)
	}
	s.notef("neither archived nor expired")
	return s
}
