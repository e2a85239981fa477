package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"kvasir/client"
	"kvasir/internal/provider/providertest"
)

// ServerOptions are what [Server] measures.
type ServerOptions struct {
	// Program is how a server is started: the program, and what comes before serve.
	Program []string
	// DatabaseURL is that of a PostgreSQL server on which databases may be made;
	// empty measures SQLite.
	DatabaseURL string
	// Scale is the part of the work that is done; 0 means 1, all of it.
	Scale    float64
	Progress func(what string) // told what happens, if not nil
}

func (o *ServerOptions) scaled(n int) int { return max(10, int(float64(n)*o.Scale)) }

// ServerScenarios are what [Server] can measure, in the order of the house's promises.
func ServerScenarios() []Scenario {
	var list []Scenario
	for _, s := range serverScenarios() {
		list = append(list, Scenario{Name: s.name, About: s.about})
	}
	return list
}

type serverScenario struct {
	name, about string
	run         func(context.Context, *ServerOptions, *Report) error
}

func serverScenarios() []serverScenario {
	return []serverScenario{
		{"start", "how long a start takes, and what an idle server weighs", measureStart},
		{"accept", "memos accepted, each on the disk, from 32 callers", measureAccept},
		{"ingest", "memos of 8 KB made searchable, an embedding request taking 100 ms", measureIngest},
		{"errors", "the same while a fifth of the requests fail", measureErrors},
		{"search", "28,600 chunks searched by 16 callers, an embedding taking 150 ms", measureSearch},
		{"chat", "answers streamed to 200 callers", measureChat},
	}
}

// Server measures a whole server, in a process of its own and on an empty database,
// over HTTP.
func Server(ctx context.Context, name string, o ServerOptions) (*Report, error) {
	o.Scale = cmp.Or(o.Scale, 1)
	if o.Progress == nil {
		o.Progress = func(string) {}
	}
	on := "SQLite"
	if o.DatabaseURL != "" {
		on = "PostgreSQL"
	}
	for _, s := range serverScenarios() {
		if s.name == name {
			r := &Report{Scenario: s.name, About: s.about, Conditions: []string{"on " + on}}
			o.Progress(name + " on " + on)
			return r, s.run(ctx, &o, r)
		}
	}
	return nil, fmt.Errorf("there is no scenario %q", name)
}

// with runs a server for a measurement.
func (o *ServerOptions) with(
	ctx context.Context, p providertest.Options, measure func(*node) error, settings ...string,
) error {
	n, err := o.startNode(ctx, p, settings...)
	if err != nil {
		return err
	}
	return errors.Join(measure(n), n.stop(context.WithoutCancel(ctx)))
}

// together runs n calls from so many callers, and returns how long each took and how
// long all did.
func together(ctx context.Context, callers, n int, call func(ctx context.Context, i int) error) (spread, time.Duration, error) {
	var watch stopwatch
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(callers)
	began := time.Now()
	for i := range n {
		g.Go(func() error {
			start := time.Now()
			err := call(ctx, i)
			watch.note(time.Since(start))
			return err
		})
	}
	err := g.Wait()
	return spreadOf(watch.take()), time.Since(began), err
}

func perSecond(n int, took time.Duration) float64 { return float64(n) / took.Seconds() }

func measureStart(ctx context.Context, o *ServerOptions, r *Report) error {
	var starts []time.Duration
	weight := 0.0
	for range 5 {
		err := o.with(ctx, providertest.Options{}, func(n *node) error {
			starts, weight = append(starts, n.started), max(weight, n.resident())
			return nil
		})
		if err != nil {
			return err
		}
	}
	slices.Sort(starts)
	r.add("until the first answer, on an empty database, middle of 5", unitMs, ms(starts[2])).atMost(100, "< 100 ms")
	r.add("memory, idle, the most of 5", unitMB, weight).atMost(64, "< 64 MB")
	return nil
}

// prose is text of words as frequent as a language's, the same for a number.
func prose(i, words int) string {
	random := rand.New(rand.NewPCG(1, uint64(i)))
	z := rand.NewZipf(random, 1.1, 2, 50_000)
	var b strings.Builder
	for k := range words {
		if k%12 == 11 {
			b.WriteString(". ")
		}
		fmt.Fprintf(&b, "w%dx ", z.Uint64())
	}
	return b.String()
}

func (n *node) post(words int) func(context.Context, int) error {
	return func(ctx context.Context, i int) error {
		_, err := n.CreateMemo(ctx, client.NewMemo{Title: fmt.Sprint("Memo ", i), Content: prose(i, words)})
		return err
	}
}

const memoWords = 1250 // 8 KB

func measureAccept(ctx context.Context, o *ServerOptions, r *Report) error {
	content := strings.Repeat("Ducks eat seeds. ", 8192/17)
	return o.with(ctx, providertest.Options{}, func(n *node) error {
		total := o.scaled(20_000)
		s, took, err := together(ctx, 32, total, func(ctx context.Context, _ int) error {
			_, err := n.CreateMemo(ctx, client.NewMemo{Title: "Ducks", Content: content})
			return err
		})
		r.add("accepted", unitPerS, perSecond(total, took)).aim("≥ 2,000/s", perSecond(total, took) >= 2000)
		r.add("p50", unitMs, ms(s.p50))
		r.add("p99", unitMs, ms(s.p99)).atMost(50, "< 50 ms")
		return err
	}, "EMBEDDING_PROVIDER=none")
}

func slowEmbedding(d time.Duration, odds providertest.Odds) providertest.Options {
	return providertest.Options{Remember: true, Behaviour: providertest.Behaviour{Embed: providertest.Manner{
		Pace: providertest.Pace{Latency: providertest.Duration(d)}, Odds: odds,
	}}}
}

// ingest returns how many memos a second become searchable.
func (o *ServerOptions) ingest(ctx context.Context, n *node) (rate float64, took time.Duration, total int, err error) {
	total = o.scaled(2000)
	began := time.Now()
	if _, _, err = together(ctx, 32, total, n.post(memoWords)); err == nil {
		err = n.drained(ctx)
	}
	took = time.Since(began)
	return perSecond(total, took), took, total, err
}

func measureIngest(ctx context.Context, o *ServerOptions, r *Report) error {
	return o.with(ctx, slowEmbedding(100*time.Millisecond, providertest.Odds{}), func(n *node) error {
		rate, took, _, err := o.ingest(ctx, n)
		r.add("memos", unitPerS, rate).aim("≥ 670/s, 100 times Skald's", rate >= 670)
		r.add("texts embedded", unitPerS, perSecond(n.provider.Totals(providertest.Embed).Served, took))
		r.add("memory of the server at the end", unitMB, n.resident())
		return err
	})
}

func measureErrors(ctx context.Context, o *ServerOptions, r *Report) error {
	var rates [2]float64
	for i, odds := range []providertest.Odds{{}, {Throttled: 0.07, Failed: 0.07, Reset: 0.06}} {
		err := o.with(ctx, slowEmbedding(100*time.Millisecond, odds), func(n *node) (err error) {
			rates[i], _, _, err = o.ingest(ctx, n)
			if i == 1 {
				r.add("memos", unitPerS, rates[1]).against(rates[0]).atLeast(0.8)
				twice := n.provider.Totals(providertest.Embed).Duplicates
				r.add("texts bought twice", unitCount, float64(twice)).atMost(0, "none")
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func measureSearch(ctx context.Context, o *ServerOptions, r *Report) error {
	const latency = 150 * time.Millisecond
	return o.with(ctx, slowEmbedding(0, providertest.Odds{}), func(n *node) error {
		if _, _, err := together(ctx, 32, o.scaled(28_600/10), n.post(1800)); err != nil {
			return err
		}
		if err := n.drained(ctx); err != nil {
			return err
		}
		query := func(i int) string { return prose(1_000_000+i, 6) }
		find := func(ctx context.Context, i int) error {
			_, err := n.Search(ctx, client.SearchRequest{Query: query(i)})
			return err
		}
		if err := find(ctx, 0); err != nil { // the index is loaded
			return err
		}
		n.provider.Behave(slowEmbedding(latency, providertest.Odds{}).Behaviour)
		total := o.scaled(1000)
		fresh, took, err := together(ctx, 16, total, find)
		if err != nil {
			return err
		}
		r.add("searches, each with a new embedding", unitPerS, perSecond(total, took)).
			against(16/latency.Seconds()).aim("≥ 100/s", perSecond(total, took) >= 100)
		over := ms(fresh.p50 - latency)
		r.add("p50 over the embedding's time", unitMs, over).atMost(5, "< 5 ms")
		again := o.scaled(10_000)
		cached, took, err := together(ctx, 16, again, func(ctx context.Context, i int) error { return find(ctx, i%total) })
		r.add("searches whose embedding is known", unitPerS, perSecond(again, took)).
			aim("≥ 1,500/s", perSecond(again, took) >= 1500)
		r.add("p50", unitMs, ms(cached.p50))
		r.add("p99", unitMs, ms(cached.p99))
		return err
	})
}

func measureChat(ctx context.Context, o *ServerOptions, r *Report) error {
	// An answer takes 1.34 s at the provider: 200 callers can have 149 a second.
	const first, tokens, speed, callers = 340 * time.Millisecond, 100, 100.0, 200
	floor := first + time.Duration(tokens/speed*float64(time.Second))
	p := providertest.Options{Behaviour: providertest.Behaviour{Chat: providertest.Manner{Pace: providertest.Pace{
		FirstToken: providertest.Duration(first), TokensPerSecond: speed, Tokens: tokens,
	}}}}
	return o.with(ctx, p, func(n *node) error {
		if _, _, err := together(ctx, 8, 50, n.post(200)); err != nil {
			return err
		}
		if err := n.drained(ctx); err != nil {
			return err
		}
		var firsts stopwatch
		total := o.scaled(2000)
		_, took, err := together(ctx, callers, total, func(ctx context.Context, i int) error {
			began, heard := time.Now(), false
			for e, err := range n.StreamChat(ctx, client.ChatRequest{Query: prose(i, 6)}) {
				if err != nil {
					return err
				}
				if e.Type == client.EventToken && !heard {
					heard = true
					firsts.note(time.Since(began))
				}
			}
			return nil
		})
		s := spreadOf(firsts.take())
		r.add("answers", unitPerS, perSecond(total, took)).against(callers/floor.Seconds()).
			aim("≥ 140/s", perSecond(total, took) >= 140)
		r.add("first token over the provider's, p50", unitMs, ms(s.p50-first))
		r.add("first token over the provider's, p99", unitMs, ms(s.p99-first)).atMost(15, "< 15 ms")
		return err
	}, "EMBEDDING_PROVIDER=none")
}
