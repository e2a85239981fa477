package evaluate

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
)

// A Searcher returns the documents of the passages that are found for a text, best
// first, at most [Depth]. Several passages may be of one document, which counts where
// its best one is.
type Searcher func(ctx context.Context, text string) ([]string, error)

// A Configuration is a way to search.
type Configuration struct {
	Options string // as it is shown; empty for the defaults
	Search  Searcher
}

// A Run is what was measured of one configuration.
type Run struct {
	Options string             `json:"options"`
	Scores  map[string]float64 `json:"scores"` // means over the queries
	Latency Latency            `json:"latency_ms"`
	Queries []QueryScore       `json:"queries"`
}

// A QueryScore is how well a query was answered.
type QueryScore struct {
	ID     string             `json:"id"`
	Text   string             `json:"text"`
	Scores map[string]float64 `json:"scores"`
	Took   float64            `json:"ms"`
}

// Latency is how long searches took, in milliseconds, from the request until all of
// the answer was there.
type Latency struct {
	P50 float64 `json:"p50"`
	P99 float64 `json:"p99"`
}

// SearchOptions say how queries are asked.
type SearchOptions struct {
	Measures []Measure // nil for [Measures]
	Jobs     int       // how many queries at once; 0 is 1, which does not blur their latency
	Asked    func()    // called after each query, if not nil
}

// Search asks all queries in every configuration and scores what is found. The
// configurations take turns in being first to ask a query, so that none alone profits
// from what a server remembers of it.
//
// The first query is asked once more beforehand: what a server loads only when it is
// used is not the latency of a search. The runs, one for each configuration, are over
// the queries that were asked in all of them before an error or the end of ctx.
func Search(ctx context.Context, queries []Query, judged Judgements, with []Configuration, opts SearchOptions,
) ([]Run, error) {
	if opts.Measures == nil {
		opts.Measures = Measures()
	}
	if len(queries) > 0 {
		for _, c := range with {
			if _, err := c.Search(ctx, queries[0].Text); err != nil {
				return nil, fmt.Errorf("query %s: %w", queries[0].ID, err)
			}
		}
	}
	done := make([][]QueryScore, len(queries))
	g, asking := errgroup.WithContext(ctx)
	g.SetLimit(max(opts.Jobs, 1))
	for i, q := range queries {
		if asking.Err() != nil {
			break
		}
		g.Go(func() error {
			scores, err := ask(asking, i, q, judged[q.ID], with, opts.Measures)
			if err != nil {
				return fmt.Errorf("query %s: %w", q.ID, err)
			}
			done[i] = scores
			if opts.Asked != nil {
				opts.Asked()
			}
			return nil
		})
	}
	err := g.Wait()
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	done = slices.DeleteFunc(done, func(s []QueryScore) bool { return s == nil })
	runs := make([]Run, len(with))
	for i, c := range with {
		runs[i] = Run{Options: c.Options, Queries: make([]QueryScore, len(done))}
		for j, scores := range done {
			runs[i].Queries[j] = scores[i]
		}
		runs[i].sum()
	}
	return runs, err
}

// ask asks one query in every configuration.
func ask(ctx context.Context, turn int, q Query, grades map[string]float64, with []Configuration, measures []Measure,
) ([]QueryScore, error) {
	scores := make([]QueryScore, len(with))
	for i := range with {
		at := (turn + i) % len(with)
		began := time.Now()
		found, err := with[at].Search(ctx, q.Text)
		if err != nil {
			return nil, err
		}
		score := QueryScore{ID: q.ID, Text: q.Text, Scores: map[string]float64{}, Took: milliseconds(time.Since(began))}
		ranked := firsts(found)
		for _, m := range measures {
			score.Scores[m.Name] = m.Of(ranked, grades)
		}
		scores[at] = score
	}
	return scores, nil
}

// firsts leaves of each document its first passage.
func firsts(found []string) []string {
	seen := make(map[string]bool, len(found))
	var ranked []string
	for _, id := range found {
		if !seen[id] {
			seen[id] = true
			ranked = append(ranked, id)
		}
	}
	return ranked
}

// milliseconds are what files hold, to a microsecond.
func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// sum fills in what follows from the queries.
func (r *Run) sum() {
	r.Scores = map[string]float64{}
	took := make([]float64, len(r.Queries))
	for i, q := range r.Queries {
		took[i] = q.Took
		for name, score := range q.Scores {
			r.Scores[name] += score / float64(len(r.Queries))
		}
	}
	slices.Sort(took)
	r.Latency = Latency{P50: quantile(took, 0.5), P99: quantile(took, 0.99)}
}

// quantile returns the least of sorted numbers that so many of them do not exceed.
func quantile(sorted []float64, share float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[max(int(math.Ceil(share*float64(len(sorted))))-1, 0)]
}
