package rank_test

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"kvasir/internal/llm"
	"kvasir/internal/rank"
)

type scored = rank.Scored[string]

func TestFuse(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name        string
		words, near []scored
		weight      float64
		want        []scored
	}{
		{"nothing", nil, nil, 0.5, nil},
		{"words alone keep their order", []scored{{"a", 9}, {"b", 5}, {"c", 1}}, nil, 1,
			[]scored{{"a", 1}, {"b", 0.5}, {"c", 0}}},
		{"vectors alone, too", nil, []scored{{"a", 0.9}, {"b", 0.1}}, 0.5, []scored{{"a", 0.5}, {"b", 0}}},
		{"a list of equals scores 1", []scored{{"a", 3}, {"b", 3}}, nil, 1, []scored{{"a", 1}, {"b", 1}}},
		{"what both find wins", []scored{{"a", 10}, {"b", 9}, {"c", 0}}, []scored{{"b", 1}, {"c", 0}}, 0.5,
			[]scored{{"b", 0.95}, {"a", 0.5}, {"c", 0}}},
	}
	for _, tt := range tests {
		if diff := gocmp.Diff(tt.want, rank.Fuse(tt.words, tt.near, tt.weight)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestFuseDoesNotDependOnTheOrderOfItsLists(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var words, near []scored
		for i := range 20 {
			name := string(rune('a' + i))
			if r.IntN(2) == 0 {
				words = append(words, scored{name, r.Float64()})
			}
			if r.IntN(2) == 0 {
				near = append(near, scored{name, r.Float64()})
			}
		}
		want := rank.Fuse(words, near, 0.5)
		r.Shuffle(len(words), func(i, j int) { words[i], words[j] = words[j], words[i] })
		r.Shuffle(len(near), func(i, j int) { near[i], near[j] = near[j], near[i] })
		got := rank.Fuse(words, near, 0.5)
		byItem := func(list []scored) map[string]float64 {
			out := map[string]float64{}
			for _, s := range list {
				out[s.Item] = s.Score
			}
			return out
		}
		if diff := gocmp.Diff(byItem(want), byItem(got)); diff != "" {
			t.Fatalf("the order of the lists matters (-want +got):\n%s", diff)
		}
		if !slices.IsSortedFunc(got, func(a, b scored) int { return cmp.Compare(b.Score, a.Score) }) {
			t.Fatalf("not sorted: %v", got)
		}
	}
}

func TestLexicalWeight(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		c    llm.Coverage
		want float64
	}{
		{"English", llm.Coverage{TokensPerWord: 1.3}, 0.5},
		{"German in an English model", llm.Coverage{TokensPerWord: 2.2}, 0.7},
		{"Chinese in an English model", llm.Coverage{TokensPerWord: 1, UnknownShare: 0.3}, 0.8},
		{"Finnish in an English model", llm.Coverage{TokensPerWord: 3.4}, 0.8},
	}
	for _, tt := range tests {
		if got := rank.LexicalWeight(tt.c); got != tt.want {
			t.Errorf("%s: weight %v, want %v", tt.name, got, tt.want)
		}
	}
}
