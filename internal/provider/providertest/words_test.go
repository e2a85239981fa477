package providertest_test

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kvasir/internal/provider/providertest"
)

func cosine(a, b string) float64 {
	sum := 0.0
	v, w := providertest.Embedding(a, 64), providertest.Embedding(b, 64)
	for i := range v {
		sum += float64(v[i]) * float64(w[i])
	}
	return sum
}

func TestSimilarTextsAreNear(t *testing.T) {
	t.Parallel()
	const text = "Ducks eat insects and small plants."
	// From the nearest to the farthest.
	others := []string{
		"ducks eat small plants, and insects!",
		"Ducks eat small insects.",
		"The duck likes to eat an insect.",
		"Interest rates rose sharply in autumn.",
	}
	last := 1.001
	for _, other := range others {
		got := cosine(text, other)
		if got >= last {
			t.Errorf("cosine to %q = %.3f, want less than %.3f", other, got, last)
		}
		last = got
	}
	if last > 0.5 {
		t.Errorf("cosine to a text about something else = %.3f", last)
	}
}

func TestEmbeddingsAreUnitVectorsAndStable(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"duck", "鸭子是鸟类", "!?", "", strings.Repeat("word ", 1000)} {
		for _, dimensions := range []int{1, 64, 1536} {
			v := providertest.Embedding(text, dimensions)
			sum := 0.0
			for _, x := range v {
				sum += float64(x) * float64(x)
			}
			if len(v) != dimensions || math.Abs(sum-1) > 1e-5 {
				t.Errorf("Embedding(%.10q, %d) has %d dimensions and the squared length %g", text, dimensions, len(v), sum)
			}
			if diff := cmp.Diff(v, providertest.Embedding(text, dimensions)); diff != "" {
				t.Errorf("Embedding(%.10q, %d) differs from call to call", text, dimensions)
			}
		}
	}
}

func TestAnswerEchoesAndCites(t *testing.T) {
	t.Parallel()
	tests := []struct {
		n    int
		want string
	}{
		{1, "Asked: [[1]]"},
		{4, "Asked: What do [[1]]"},
		{8, "Asked: What do ducks eat? The passages [[1]]"},
	}
	for _, tt := range tests {
		tokens := providertest.Answer("What do ducks eat?", tt.n)
		if got := strings.Join(tokens, ""); got != tt.want || len(tokens) != max(tt.n, 2) {
			t.Errorf("Answer(%d tokens) = %q in %d, want %q", tt.n, got, len(tokens), tt.want)
		}
	}
}

func TestOverlap(t *testing.T) {
	t.Parallel()
	tests := []struct {
		query, document string
		want            float64
	}{
		{"what ducks eat", "Ducks eat what they find", 1},
		{"what ducks eat", "Ducks swim", 1.0 / 3},
		{"what ducks eat", "", 0},
		{"", "Ducks", 0},
	}
	for _, tt := range tests {
		if got := providertest.Overlap(tt.query, tt.document); got != tt.want {
			t.Errorf("Overlap(%q, %q) = %g, want %g", tt.query, tt.document, got, tt.want)
		}
	}
}

func BenchmarkEmbedding(b *testing.B) {
	text := strings.Repeat("Ducks eat insects and small plants. ", 40)
	for b.Loop() {
		providertest.Embedding(text, 768)
	}
}
