// Package plan understands questions before they are searched for.
//
// A [Planner] asks a fast model once for all that a request wants: other questions
// that together cover it, a made-up passage that would answer it, and the filters that
// it names. Nothing of that is trusted. A filter holds only if some memo has its value,
// and whatever fails, or is nonsense, is left out with a note: a question is always
// searched for, at worst as it is.
package plan

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"log/slog"
	"strings"
	"time"

	"kvasir/internal/llm"
	"kvasir/internal/memo"
	"kvasir/internal/retrieval"
	"kvasir/internal/search"
)

// Models is what a planner needs of dispatch.
type Models interface {
	Generate(
		ctx context.Context, call llm.Call, generator string, req llm.GenerateRequest,
	) iter.Seq2[llm.Event, error]
}

// A Vocabulary tells what memos are marked with.
type Vocabulary interface {
	Vocabulary(ctx context.Context, in memo.Selection) (memo.Vocabulary, error)
}

// Options choose who is asked.
type Options struct {
	Generator string        // whose fast model is asked; empty if there is none that writes
	Within    time.Duration // how long a question waits for it; 0 means 5 s
}

// A Planner makes plans. It is safe for concurrent use.
type Planner struct {
	models Models
	words  Vocabulary
	log    *slog.Logger
	o      Options
}

// New returns a planner.
func New(models Models, words Vocabulary, log *slog.Logger, o Options) *Planner {
	o.Within = cmp.Or(o.Within, 5*time.Second)
	return &Planner{models: models, words: words, log: log, o: o}
}

// Plan makes of a question what its options want. The only error is that of ctx.
func (p *Planner) Plan(ctx context.Context, r retrieval.Request) (search.Plan, error) {
	if r.Understand == (retrieval.Understanding{}) {
		return search.Plan{}, nil
	}
	if p.o.Generator == "" {
		return search.Plan{Notes: []string{"left out: there is no model that writes"}}, nil
	}
	within, cancel := context.WithTimeout(ctx, p.o.Within)
	defer cancel()
	d := draft{question: r.Text, want: r.Understand, now: time.Now()}
	err := p.fill(within, r, &d)
	if err != nil && ctx.Err() == nil {
		p.log.WarnContext(ctx, "question not understood", "project", string(r.Project), "error", err)
		d.leaveOut(within.Err(), p.o.Within)
	}
	return d.Plan, ctx.Err()
}

// fill asks the model and takes what can be used.
func (p *Planner) fill(ctx context.Context, r retrieval.Request, d *draft) (err error) {
	if d.want.Filters {
		in := memo.Selection{Project: r.Project, Filters: r.Filters, Now: d.now}
		if d.marks, err = p.words.Vocabulary(ctx, in); err != nil {
			return err
		}
	}
	req, err := d.request()
	if err != nil {
		return err
	}
	call := llm.Call{Tenant: string(r.Project), Key: r.Key, Priority: llm.PriorityQuery}
	var said strings.Builder
	for ev, err := range p.models.Generate(ctx, call, p.o.Generator, req) {
		if err != nil {
			return err
		}
		said.WriteString(ev.Text)
	}
	d.read(said.String())
	return nil
}

// A draft is a plan that is being made.
type draft struct {
	search.Plan
	question string
	want     retrieval.Understanding
	marks    memo.Vocabulary // that filters may name
	now      time.Time
}

// notef says in words what was decided.
func (d *draft) notef(format string, args ...any) {
	d.Notes = append(d.Notes, fmt.Sprintf(format, args...))
}

// leaveOut says why there is no plan.
func (d *draft) leaveOut(late error, within time.Duration) {
	if late != nil {
		d.notef("left out: the model took longer than %v", within)
		return
	}
	d.notef("left out: the model failed")
}
