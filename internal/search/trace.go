package search

import (
	"context"
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
		s.Candidates = append(s.Candidates, retrieval.Candidate{Chunk: c.chunk, Memo: c.memo, Score: c.score})
	}
	s.end()
}

func (s *stage) end() {
	if s != nil {
		s.Took = time.Since(s.began)
	}
}

// explain returns what was written down, nil if nothing was to be. Titles are read for
// it; without them it is still an explanation.
func (r *run) explain(ctx context.Context) *retrieval.Explanation {
	if r.trace == nil {
		return nil
	}
	var ids []memo.ChunkID
	for _, s := range r.trace.stages {
		for _, c := range s.Candidates {
			ids = append(ids, c.Chunk)
		}
	}
	if err := r.shelf.fetch(ctx, ids); err != nil {
		r.log.WarnContext(ctx, "an explanation lacks titles", "project", string(r.q.Project), "error", err)
	}
	out := &retrieval.Explanation{Stages: make([]retrieval.Stage, len(r.trace.stages))}
	for i, s := range r.trace.stages {
		for j := range s.Candidates {
			s.Candidates[j].Title = r.shelf.title(s.Candidates[j].Chunk)
		}
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
