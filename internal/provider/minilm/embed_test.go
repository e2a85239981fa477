package minilm

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kvasir/internal/fault"
	"kvasir/internal/llm"
)

func embed(t testing.TB, e *Embedder, texts ...string) []llm.Vector {
	t.Helper()
	answer, err := e.Embed(t.Context(), llm.EmbedRequest{Texts: texts, Input: llm.InputDocument})
	if err != nil {
		t.Fatal(err)
	}
	if len(answer.Vectors) != len(texts) {
		t.Fatalf("%d vectors for %d texts", len(answer.Vectors), len(texts))
	}
	return answer.Vectors
}

func TestEmbedKeepsTheOrderAndCounts(t *testing.T) {
	t.Parallel()
	e := tiny(t, &Options{Threads: 3})
	reference := slow{tinyShape, randomWeights(tinyShape, 1)}
	var texts []string
	for i := range 40 {
		texts = append(texts, strings.Repeat("duck ", i*7%17+1)+"fly")
	}
	answer, err := e.Embed(t.Context(), llm.EmbedRequest{Texts: texts})
	if err != nil {
		t.Fatal(err)
	}
	tokens := 0
	for i, text := range texts {
		tokens += e.CountTokens(text)
		compare(t, text, answer.Vectors[i], reference.embed(tinyVocabulary(t).encode(text, tinyShape.positions)))
	}
	if answer.Usage.InputTokens != tokens {
		t.Errorf("%d tokens, want %d", answer.Usage.InputTokens, tokens)
	}
}

func TestEmbedCutsLongTexts(t *testing.T) {
	t.Parallel()
	e := tiny(t, nil)
	most := strings.Repeat("duck ", e.Spec().MaxTokens)
	got := embed(t, e, most, most+strings.Repeat("x ", 1000))
	if diff := cmp.Diff(got[0], got[1]); diff != "" {
		t.Errorf("what is beyond the limit changes the vector:\n%s", diff)
	}
}

func TestEmbedRefusesNoTexts(t *testing.T) {
	t.Parallel()
	_, err := tiny(t, nil).Embed(t.Context(), llm.EmbedRequest{})
	if llm.ClassOf(err) != llm.ClassBadRequest {
		t.Errorf("Embed = %v, want a bad request", err)
	}
}

func TestQueryPassesDocuments(t *testing.T) {
	t.Parallel()
	e := tiny(t, &Options{Threads: 1})
	// The one slot for documents is taken, as by a large batch.
	s, err := e.take(t.Context(), llm.InputDocument)
	if err != nil {
		t.Fatal(err)
	}
	query := llm.EmbedRequest{Texts: []string{"duck"}, Input: llm.InputQuery}
	if _, err := e.Embed(t.Context(), query); err != nil {
		t.Errorf("a query beside documents: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	waited := make(chan error, 1)
	var wg sync.WaitGroup
	wg.Go(func() {
		_, err := e.Embed(ctx, llm.EmbedRequest{Texts: []string{"duck"}, Input: llm.InputDocument})
		waited <- err
	})
	cancel()
	if err := <-waited; !errors.Is(err, context.Canceled) {
		t.Errorf("Embed while the slot is taken = %v, want that it waits until it is cancelled", err)
	}
	wg.Wait()
	s.home <- s
	embed(t, e, "duck")
}

func TestEmbedStopsWhenItsContextEnds(t *testing.T) {
	t.Parallel()
	e := tiny(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := e.Embed(ctx, llm.EmbedRequest{Texts: []string{"duck"}}); !errors.Is(err, context.Canceled) {
		t.Errorf("Embed = %v, want that it was cancelled", err)
	}
	embed(t, e, "duck") // and gave back what it had taken
}

func TestEmbedIsSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	e := tiny(t, &Options{Threads: 2})
	texts := []string{"duck", "ducks fly", "unflyable ducks, swim!", strings.Repeat("fly ", 16)}
	want := embed(t, tiny(t, nil), texts...)
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			input := []llm.Input{llm.InputDocument, llm.InputQuery}[worker%2]
			for range 20 {
				got, err := e.Embed(t.Context(), llm.EmbedRequest{Texts: texts, Input: input})
				if err != nil {
					t.Error(err)
					return
				}
				if diff := cmp.Diff(want, got.Vectors); diff != "" {
					t.Errorf("vectors differ:\n%s", diff)
					return
				}
			}
		})
	}
	wg.Wait()
}

func TestDamageShowsOnUseAndCanBeMended(t *testing.T) {
	t.Parallel()
	files := tinyFiles(t)
	files[tokenizerFile] = []byte("{}")
	dir := folderOf(t, files)
	e, err := New(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	req := llm.EmbedRequest{Texts: []string{"duck"}}
	if _, err := e.Embed(t.Context(), req); !fault.Is(err, fault.Unavailable) ||
		!strings.Contains(fault.Message(err), dir) {
		t.Errorf("Embed = %v, want Unavailable, naming the folder", err)
	}
	if got := e.CountTokens("duck"); got != llm.EstimateTokens("duck") {
		t.Errorf("CountTokens without a vocabulary = %d, want an estimate", got)
	}
	if got := e.Coverage("duck"); got != (llm.Coverage{}) {
		t.Errorf("Coverage without a vocabulary = %+v, want none", got)
	}
	if err := os.WriteFile(filepath.Join(dir, tokenizerFile), tinyTokenizer(t, tinyPieces), 0o600); err != nil {
		t.Fatal(err)
	}
	embed(t, e, "duck")
}

func TestTokenizerOfAnotherModelIsRefused(t *testing.T) {
	t.Parallel()
	files := tinyFiles(t)
	files[tokenizerFile] = tinyTokenizer(t, tinyPieces+" one more than the weights have")
	e, err := New(folderOf(t, files), nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = e.Embed(t.Context(), llm.EmbedRequest{Texts: []string{"duck"}})
	if err == nil || !strings.Contains(err.Error(), "the weights only 24") {
		t.Errorf("Embed = %v, want that the tokenizer does not fit", err)
	}
}

func TestGroups(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		lengths []int
		want    [][]int
	}{
		{"one", []int{5}, [][]int{{0}}},
		{"short ones share", []int{3, 9, 4}, [][]int{{1, 2, 0}}},
		{"the longest first, each alone", []int{200, 256, 100}, [][]int{{1}, {0}, {2}}},
		{"as many as fit", []int{128, 128, 128, 127, 1}, [][]int{{0, 1}, {2, 3, 4}}},
		{"one over the size of a group", []int{1, 300, 1}, [][]int{{1}, {0, 2}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var sequences [][]int32
			for _, n := range tt.lengths {
				sequences = append(sequences, make([]int32, n))
			}
			if diff := cmp.Diff(tt.want, groupsOf(sequences)); diff != "" {
				t.Errorf("groupsOf(%v) (-want +got):\n%s", tt.lengths, diff)
			}
		})
	}
}

func TestRealModelFindsWhatIsRelated(t *testing.T) {
	t.Parallel()
	e := installed(t)
	got := embed(t, e, "The cat sits outside", "A kitten is in the garden", "The stock market fell sharply today")
	related, unrelated := cosine(got[0], got[1]), cosine(got[0], got[2])
	if related < 0.5 || unrelated > 0.25 {
		t.Errorf("related sentences are at %.3f, unrelated ones at %.3f", related, unrelated)
	}
	// The first numbers of the vector, as the package's own engine makes it.
	compare(t, "golden", got[0][:4], llm.Vector{0.13912556, 0.0029992396, 0.04694094, 0.03955441})
	for _, v := range got {
		var square float64
		for _, x := range v {
			square += float64(x) * float64(x)
		}
		if len(v) != 384 || math.Abs(square-1) > 1e-5 {
			t.Errorf("%d numbers of length %v, want 384 of length 1", len(v), math.Sqrt(square))
		}
	}
	if spec := e.Spec(); !strings.HasPrefix(spec.Model, "minilm/all-MiniLM-L6-v2@") || spec.MaxTokens != 254 {
		t.Errorf("Spec() = %+v", spec)
	}
}

func TestRealModelIsTheSameInEveryCompanyAndKernel(t *testing.T) {
	t.Parallel()
	e := installed(t)
	m, err := e.model()
	if err != nil {
		t.Fatal(err)
	}
	v, err := e.vocabulary()
	if err != nil {
		t.Fatal(err)
	}
	var sequences [][]int32
	for _, text := range []string{
		"Ducks", "The new movie is awesome — naïve café, 東京タワー! x=3.14",
		"Do dimensional biomaterials show inductive properties?", strings.Repeat("retrieval of documents ", 12),
	} {
		sequences = append(sequences, v.encode(text, maxSequence))
	}
	together, err := m.embed(&scratch{}, sequences)
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(sequences)
	slices.Reverse(together)
	for _, k := range supportedKernels() {
		other := *m
		other.kernels = k
		for i, ids := range sequences {
			alone, err := other.embed(&scratch{}, [][]int32{ids})
			if err != nil {
				t.Fatal(err)
			}
			compare(t, k.name, alone[0], together[i])
		}
	}
}
