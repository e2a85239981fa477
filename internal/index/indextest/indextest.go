// Package indextest says what an index owes to those who search, as a test.
//
// Every kind of index passes [Run]: it finds what was committed before the search
// began and nothing that was replaced, filters before it cuts, keeps tenants and
// models apart, and orders equals in one way. Scores and order depend on what is
// in the project, never on how it got there.
package indextest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"kvasir/internal/account"
	"kvasir/internal/index"
	"kvasir/internal/llm"
	"kvasir/internal/memo"
)

// An Index is what is tested.
type Index interface {
	Lexical(ctx context.Context, in memo.Selection, text string, limit int) ([]memo.Hit, error)
	Nearest(
		ctx context.Context, in memo.Selection, model string, v llm.Vector, limit int, maxDistance float64,
	) ([]memo.Hit, error)
	Titles(ctx context.Context, in memo.Selection, text string, prefix bool, limit int) ([]memo.Hit, error)
	Vectors(ctx context.Context, in memo.Selection, model string, hits []memo.Hit) ([]llm.Vector, error)
	Attributes(ctx context.Context, in memo.Selection, hits []memo.Hit) ([]*memo.Attributes, error)
	Typical(ctx context.Context, in memo.Selection, model string) (llm.Vector, error)
}

// An Open returns a new index over a source, with vectors of the given model.
type Open func(t *testing.T, source index.Source, model string) Index

// Run tests the indexes that open returns.
func Run(t *testing.T, open Open) {
	tests := []struct {
		name string
		run  func(*suite)
	}{
		{"follows its source", follows},
		{"catches up over many pages", pages},
		{"rare words count more", rare},
		{"a share tells how much of the query is answered", shares},
		{"another language takes nothing from a share", mixed},
		{"repeated words of a query count more", repeated},
		{"projects never mix", projects},
		{"filters before the cut", filters},
		{"archived and expired memos are not found", expiry},
		{"vectors of one model only", models},
		{"maximal distance", distance},
		{"titles", titles},
		{"vectors and attributes of hits", lookups},
		{"what is typical of a project", typical},
		{"limits", limits},
		{"equal scores have one order", ties},
		{"queries are read in the project's languages", languages},
		{"history does not show", history},
		{"searches and changes together", together},
		{"a cancelled search does no harm", cancelled},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := &suite{T: t, open: open, source: NewSource(Letters)}
			s.ix = open(t, s.source, model)
			tt.run(s)
		})
	}
}

const (
	project    = account.ProjectID("p")
	model      = "letters"
	otherModel = "pairs"
)

// Letters embeds a text by how often each letter occurs in it: texts of like
// letters are near. The model "pairs" has two dimensions a letter.
func Letters(model, text string) llm.Vector {
	width := 1
	if model == otherModel {
		width = 2
	}
	v := make(llm.Vector, 26*width)
	for _, r := range strings.ToLower(text) {
		if 'a' <= r && r <= 'z' {
			v[int(r-'a')*width]++
		}
	}
	return v
}

// Memo returns a change that makes a memo of these chunks. Chunks are named
// after their memo: a-0, a-1 and so on.
func Memo(id string, texts ...string) memo.Change {
	c := memo.Change{Memo: memo.ID(id), Attributes: memo.Attributes{Title: "Title of " + id}}
	for i, text := range texts {
		c.Chunks = append(c.Chunks, memo.IndexedChunk{ID: memo.ChunkID(fmt.Sprint(id, "-", i)), Text: text})
	}
	return c
}

// A suite is one test with its source and index.
type suite struct {
	*testing.T
	open   Open
	source *Source
	ix     Index
}

func (s *suite) put(changes ...memo.Change) { s.source.Put(project, changes...) }

func within(filters ...memo.Filter) memo.Selection {
	return memo.Selection{Project: project, Filters: filters, Now: time.Now()}
}

// words returns the names of the ten best chunks by words.
func (s *suite) words(in memo.Selection, text string) []string {
	s.Helper()
	hits, err := s.ix.Lexical(s.Context(), in, text, 10)
	return s.chunks(hits, err)
}

// near returns the names of the ten nearest chunks.
func (s *suite) near(in memo.Selection, text string) []string {
	s.Helper()
	hits, err := s.ix.Nearest(s.Context(), in, model, Letters(model, text), 10, 2)
	return s.chunks(hits, err)
}

// chunks returns the names of hits after checking what holds for all lists.
func (s *suite) chunks(hits []memo.Hit, err error) []string {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
	out := make([]string, len(hits))
	for i, h := range hits {
		if i > 0 && h.Score > hits[i-1].Score {
			s.Errorf("hit %d has the score %v after %v", i, h.Score, hits[i-1].Score)
		}
		if !strings.HasPrefix(string(h.Chunk), string(h.Memo)+"-") {
			s.Errorf("chunk %s is said to be of memo %s", h.Chunk, h.Memo)
		}
		if out[i] = string(h.Chunk); slices.Contains(out[:i], out[i]) {
			s.Errorf("chunk %s is found twice", h.Chunk)
		}
	}
	return out
}

func (s *suite) want(what string, got []string, want ...string) {
	s.Helper()
	if !slices.Equal(got, want) {
		s.Errorf("%s: found %v, want %v", what, got, want)
	}
}
