package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"kvasir/internal/index/flat"
	"kvasir/internal/memo"
)

// IndexOptions are what [Index] measures; 0 is the default.
type IndexOptions struct {
	Chunks     int // of the project; 100,000
	Dimensions int // of the vectors; 384
	Words      int // of a chunk; 180
	// Filter is the share of the memos that a filter lets through, in a second round
	// of the searches; 0 for no such round.
	Filter   float64
	Queries  int               // 20
	Searches int               // of each kind; 300
	Progress func(what string) // told what happens, if not nil
}

func (o *IndexOptions) check() error {
	if o.Chunks < 0 || o.Dimensions < 0 || o.Words < 0 || o.Queries < 0 || o.Searches < 0 {
		return errors.New("a number must not be below 0")
	}
	if !(o.Filter >= 0 && o.Filter <= 1) {
		return errors.New("the filter is a share of the memos: 0 to 1")
	}
	o.Chunks, o.Dimensions = cmp.Or(o.Chunks, 100_000), cmp.Or(o.Dimensions, 384)
	o.Words, o.Queries, o.Searches = cmp.Or(o.Words, 180), cmp.Or(o.Queries, 20), cmp.Or(o.Searches, 300)
	if o.Progress == nil {
		o.Progress = func(string) {}
	}
	return nil
}

// Index fills an index with a made-up project and searches it: by words and by
// vectors at once, as package search does, and one search after the other.
func Index(ctx context.Context, o IndexOptions) (*Report, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	c := newCorpus(&o)
	ix := flat.New(c, &flat.Options{Model: corpusModel, Bytes: math.MaxInt64})
	report := &Report{
		Scenario: "index", About: "how long a search's candidates take, what they miss, and what an index weighs",
		Conditions: []string{
			fmt.Sprintf("%d chunks of %d words, %d a memo; vectors of %d dimensions around %d topics; %d processors",
				o.Chunks, o.Words, chunksOfMemo, o.Dimensions, topics, runtime.GOMAXPROCS(0)),
			fmt.Sprintf("a search: the %d best of 10 words, and the %d nearest of a vector, at the same time", listed, listed),
		},
	}
	o.Progress("making up and loading the project")
	began := time.Now()
	if _, err := ix.Lexical(ctx, selection(), "w1x", 1); err != nil {
		return nil, err
	}
	report.add("load, with the making of texts and vectors", "s", time.Since(began).Seconds())
	for _, marked := range []bool{false, true} {
		if marked && o.Filter == 0 {
			continue
		}
		if err := o.search(ctx, ix, c, marked, report); err != nil {
			return nil, err
		}
	}
	if err := o.follow(ctx, ix, c, report); err != nil {
		return nil, err
	}
	report.add("memory of the process after the searches", unitMB, resident())
	return report, nil
}

// listed is how many candidates of each kind package search asks for.
const listed = 200

func selection(filters ...memo.Filter) memo.Selection {
	return memo.Selection{Project: corpusProject, Filters: filters, Now: time.Now()}
}

// search makes the searches of one kind and adds their figures.
func (o *IndexOptions) search(ctx context.Context, ix *flat.Index, c *corpus, marked bool, report *Report) error {
	in, name := selection(), ""
	if marked {
		in = selection(memo.Filter{
			Type: memo.FilterMetadata, Field: "marked", Operator: "eq", Values: []string{"true"},
		})
		name = fmt.Sprintf("%.4g %% filter: ", 100*o.Filter)
	}
	o.Progress(name + "searching")
	var both, words, near []time.Duration
	hit, wanted := 0, 0
	for i := range o.Searches {
		q := c.questions[i%len(c.questions)]
		t, hits, err := oneSearch(ctx, ix, in, q)
		if err != nil {
			return err
		}
		both, words, near = append(both, t.both), append(words, t.words), append(near, t.near)
		if i < len(c.questions) {
			nearest := q.all
			if marked {
				nearest = q.marked
			}
			hit, wanted = hit+found(nearest, hits), wanted+len(nearest)
		}
	}
	report.add(name+"first search", unitMs, ms(both[0]))
	s := spreadOf(slices.Clone(both[1:]))
	report.add(name+"search, p50", unitMs, ms(s.p50))
	report.add(name+"search, p99", unitMs, ms(s.p99))
	report.add(name+"by words, p50", unitMs, ms(spreadOf(words[1:]).p50))
	report.add(name+"by vectors, p50", unitMs, ms(spreadOf(near[1:]).p50))
	report.add(name+"recall@10 against exact", unitShare, share(hit, wanted)).atLeastShare(99)
	return nil
}

// follow adds memos, each of which the next search must see.
func (o *IndexOptions) follow(ctx context.Context, ix *flat.Index, c *corpus, report *Report) error {
	const memos = 100
	o.Progress("adding memos")
	var took []time.Duration
	for i := range memos {
		c.added.Add(1)
		began := time.Now()
		_, _, err := oneSearch(ctx, ix, selection(), c.questions[i%len(c.questions)])
		if err != nil {
			return err
		}
		took = append(took, time.Since(began))
	}
	s := spreadOf(took)
	report.add("search that takes up a new memo, p50", unitMs, ms(s.p50))
	report.add("search that takes up a new memo, p99", unitMs, ms(s.p99))
	return nil
}

// searchTimes are those of one search and of its halves.
type searchTimes struct{ both, words, near time.Duration }

func oneSearch(
	ctx context.Context, ix *flat.Index, in memo.Selection, q *question,
) (t searchTimes, near []memo.Hit, err error) {
	g, ctx := errgroup.WithContext(ctx)
	began := time.Now()
	g.Go(func() error {
		_, err := ix.Lexical(ctx, in, q.text, listed)
		t.words = time.Since(began)
		return err
	})
	g.Go(func() (err error) {
		near, err = ix.Nearest(ctx, in, corpusModel, q.vector, listed, 2)
		t.near = time.Since(began)
		return err
	})
	err = g.Wait()
	t.both = time.Since(began)
	return t, near, err
}
