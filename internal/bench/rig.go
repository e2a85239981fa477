package bench

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"kvasir/internal/dispatch"
	"kvasir/internal/llm"
	"kvasir/internal/provider/exchange"
	"kvasir/internal/provider/openai"
)

// A rig is a scheduler at work, over one lane of each kind to the provider.
type rig struct {
	*dispatch.Scheduler
	meter *meter
	load  *errgroup.Group // what calls it; ends with the context of the rig
	bed   *bed
}

// A plan says how a rig is built.
type plan struct {
	limits     dispatch.Limits
	dimensions int
	numbered   int  // texts whose exchanges are kept apart
	items      int  // the most texts of a request; 0 for as many as the adapter allows
	unhedged   bool // a second request beside a late one would only blur what is measured
}

// A bounded embedder takes fewer texts a request.
type bounded struct {
	llm.Embedder
	items int
}

// Spec implements [llm.Embedder].
func (e bounded) Spec() llm.EmbedSpec {
	spec := e.Embedder.Spec()
	if e.items > 0 {
		spec.MaxItems = e.items
	}
	return spec
}

// with runs work on a rig. What the work has started is ended when it returns.
func (b *bed) with(ctx context.Context, p plan, work func(context.Context, *rig) error) error {
	client := exchange.NewHTTPClient(exchange.HTTPOptions{})
	r := &rig{meter: &meter{next: client.Transport, byCall: make([]atomic.Int64, p.numbered)}, bed: b}
	client.Transport = r.meter
	defer client.CloseIdleConnections()
	api := openai.New(openai.Config{Name: "bench", BaseURL: b.provider.url + "/v1", HTTPClient: client})
	const model = "text-embedding-3-small"
	lane := dispatch.Lane{Provider: "bench", Model: model, Limits: p.limits}
	cfg := dispatch.Config{
		Embed: []dispatch.EmbedLane{{
			Lane:     lane,
			Embedder: bounded{api.Embedder(openai.EmbedConfig{Model: model, Dimensions: p.dimensions}), p.items},
		}},
		Log: b.Log,
	}
	lane.Model = "gpt-4o-mini"
	cfg.Generate = []dispatch.GenerateLane{{
		Lane: lane, Generator: api.Generator(openai.GenerateConfig{Model: lane.Model}),
	}}
	if p.unhedged {
		cfg.HedgeShare = -1
	}
	r.Scheduler = dispatch.New(cfg)

	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var g errgroup.Group
	g.Go(func() error { return r.Run(ctx) })
	var callers context.Context
	r.load, callers = errgroup.WithContext(ctx)
	g.Go(func() error {
		err := work(callers, r)
		stop()
		return cmp.Or(r.load.Wait(), err) // what broke the load ended the work, too
	})
	return g.Wait()
}

// text returns a new text of so many words.
func (r *rig) text(words int) string {
	return fmt.Sprintf("%s-%d%s", r.bed.mark, r.bed.last.Add(1), strings.Repeat(" word", max(words-2, 0)))
}

func (r *rig) texts(n, words int) []string {
	texts := make([]string, n)
	for i := range texts {
		texts[i] = r.text(words)
	}
	return texts
}

// A bulk is a load of ingestion: callers that embed new texts again and again, each
// for a project of its own.
type bulk struct {
	callers, texts, words int
	tenant                string // of all callers; empty for one each
}

// A tally counts the texts of a load.
type tally struct{ embedded, failed atomic.Int64 }

// start starts the load, which ends when ctx does. Texts that fail are counted.
func (l bulk) start(ctx context.Context, r *rig) *tally {
	sum := new(tally)
	for i := range l.callers {
		call := llm.Call{
			Tenant: cmp.Or(l.tenant, fmt.Sprintf("project-%d", i)), Priority: llm.PriorityIngest,
		}
		r.load.Go(func() error { return l.repeat(ctx, r, call, sum) })
	}
	return sum
}

// repeat embeds new texts again and again.
func (l bulk) repeat(ctx context.Context, r *rig, call llm.Call, sum *tally) error {
	for {
		vectors, err := r.Embed(ctx, call, llm.InputDocument, r.texts(l.texts, l.words))
		if ctx.Err() != nil {
			return nil
		}
		if err != nil && vectors == nil {
			return err // refused as a whole
		}
		for _, v := range vectors {
			if v == nil {
				sum.failed.Add(1)
			} else {
				sum.embedded.Add(1)
			}
		}
	}
}

// unless returns the error unless the context has ended.
func unless(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// timed returns how long f takes.
func timed(f func() error) (time.Duration, error) {
	began := time.Now()
	err := f()
	return time.Since(began), err
}
