package store

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"kvasir/internal/memo"
)

const (
	// The newest memos speak for the project: a question must not wait for a walk
	// through all of a large one.
	vocabularyMemos = `
SELECT title, source, reference_id, tags, auto_tags, metadata, scopes, created, updated
FROM memos
WHERE project = $1 AND live_generation > 0 AND NOT archived AND (expires IS NULL OR expires > $2)
ORDER BY created DESC, id DESC LIMIT $3`
	vocabularyDepth = 20_000
	// vocabularyWords is how many of each kind there are at most, and vocabularyBytes
	// how long one may be: what is longer is a text and no mark.
	vocabularyWords = 200
	vocabularyBytes = 100
)

// Vocabulary returns what the memos that may be found are marked with: of each kind
// the 200 most frequent among the newest 20,000 memos.
func (s *Store) Vocabulary(ctx context.Context, in memo.Selection) (memo.Vocabulary, error) {
	tags, sources, pairs := counter[string]{}, counter[string]{}, counter[memo.Pair]{}
	count := func(r Rows) (none struct{}, err error) {
		a, err := scanMarks(r)
		if err != nil || !in.Filters.Match(&a) {
			return none, err
		}
		for _, tag := range a.Tags {
			tags.add(tag, len(tag))
		}
		if a.Source != nil {
			sources.add(*a.Source, len(*a.Source))
		}
		for _, p := range memo.Pairs(a.Metadata) {
			pairs.add(p, len(p.Key)+len(p.Value))
		}
		return none, nil
	}
	err := s.db.Read(ctx, func(tx Tx) error {
		clear(tags)
		clear(sources)
		clear(pairs)
		_, err := collect(ctx, tx, count, vocabularyMemos, in.Project, micros(in.Now), vocabularyDepth)
		return err
	})
	if err != nil {
		return memo.Vocabulary{}, err
	}
	byKey := func(a, b memo.Pair) int { return cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(a.Value, b.Value)) }
	return memo.Vocabulary{
		Tags: tags.most(cmp.Compare), Sources: sources.most(cmp.Compare), Metadata: pairs.most(byKey),
	}, nil
}

// scanMarks reads what filters look at.
func scanMarks(r Rows) (a memo.Attributes, err error) {
	var stored storedAttributes
	var created, updated int64
	err = r.Scan(&a.Title, &a.Source, &a.ReferenceID, &stored.tags, &stored.autoTags, &stored.metadata,
		&stored.scopes, &created, &updated)
	if err != nil {
		return a, err
	}
	a.Created, a.Updated = timeOf(created), timeOf(updated)
	_, err = decodeAttributes(&a, stored)
	return a, err
}

// A counter counts marks.
type counter[T comparable] map[T]int

// add counts one, unless it is too long to be a mark, or empty.
func (c counter[T]) add(mark T, bytes int) {
	if bytes > 0 && bytes <= vocabularyBytes {
		c[mark]++
	}
}

// most returns the most frequent marks; equally frequent ones are in order.
func (c counter[T]) most(compare func(a, b T) int) []T {
	all := slices.SortedFunc(maps.Keys(c), func(a, b T) int { return cmp.Or(c[b]-c[a], compare(a, b)) })
	return slices.Clone(all[:min(len(all), vocabularyWords)])
}
