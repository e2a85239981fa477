package search

import (
	"context"
	"slices"

	"kvasir/internal/memo"
	"kvasir/internal/retrieval"
)

// A Plan is what a model has made of a question.
type Plan struct {
	Queries []string     // to be looked up beside the question
	Answer  string       // a made-up one, whose vector stands beside the question's
	Filters memo.Filters // that the question names, beside those asked for
	Notes   []string     // what was decided, in words
}

// A Planner understands questions.
type Planner interface {
	// Plan makes of a question what its options want. What fails is left out and
	// noted; an error means that there is nothing.
	Plan(ctx context.Context, r retrieval.Request) (Plan, error)
}

// understand asks the planner, if the query wants it.
func (r *run) understand(ctx context.Context) (Plan, error) {
	if r.planner == nil || r.q.Understand == (retrieval.Understanding{}) {
		return Plan{}, nil
	}
	s := r.trace.begin("understand")
	defer s.end()
	plan, err := r.planner.Plan(ctx, r.q.Request)
	if err != nil {
		if ctx.Err() != nil {
			return Plan{}, err
		}
		r.log.WarnContext(ctx, "searching for the question as it is", "project", string(r.q.Project), "error", err)
		s.notef("left out: the model failed")
		return Plan{}, nil
	}
	for _, note := range plan.Notes {
		s.notef("%s", note)
	}
	return plan, nil
}

// planned finds candidates by a plan. Filters that a model has inferred must not
// cost the answer: if nothing passes them, they are left out.
func (r *run) planned(ctx context.Context) ([]*candidate, error) {
	plan, err := r.understand(ctx)
	if err != nil {
		return nil, err
	}
	r.inferred = plan.Filters
	r.scope.Filters = slices.Concat(r.q.Filters, plan.Filters)
	s := r.explainFilters()
	found, err := r.candidates(ctx, plan)
	if err != nil || len(found) > 0 || len(plan.Filters) == 0 {
		return found, err
	}
	s.notef("nothing passes the inferred filters; they are left out")
	r.inferred, r.scope.Filters = nil, r.q.Filters
	return r.candidates(ctx, plan)
}
