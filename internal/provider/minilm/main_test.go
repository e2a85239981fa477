package minilm

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"kvasir/internal/llm"
)

var (
	_ llm.Embedder  = (*Embedder)(nil)
	_ llm.Tokenizer = (*Embedder)(nil)
	_ llm.Coverer   = (*Embedder)(nil)
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// modelDir returns where the real model is. The repository's test script installs
// it; in CI its absence is a failure.
func modelDir(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("KVASIR_MODEL_DIR")
	if dir == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			t.Fatal(err)
		}
		dir = filepath.Join(cache, "kvasir", "models", "minilm")
	}
	st := Inspect(dir)
	switch {
	case st.Installed:
	case os.Getenv("CI") == "true":
		t.Fatal("the offline model must be installed for the tests:", st.Problem)
	default:
		t.Skip("the offline model is not installed; run kvasir model install:", st.Problem)
	}
	return dir
}

// installed returns an embedder of the real model.
func installed(t testing.TB) *Embedder {
	t.Helper()
	e, err := New(modelDir(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// tinyShape is a model like MiniLM, small enough for a slow reference.
var tinyShape = shape{hidden: 64, inner: 96, heads: 2, layers: 2, vocabulary: 24, positions: 20, epsilon: 1e-12}

// weights are tensors by name, as a file has them.
type weights map[string]array

type array struct {
	shape []int
	data  []float32
}

// randomWeights returns a model of shape s with numbers that 16-bit floats hold
// exactly.
func randomWeights(s shape, seed uint64) weights {
	rng := rand.New(rand.NewPCG(seed, 0))
	w := weights{}
	fill := func(name string, mean, spread float64, dims ...int) {
		n := 1
		for _, d := range dims {
			n *= d
		}
		data := make([]float32, n)
		for i := range data {
			data[i] = fromHalf(toHalf(float32(mean + spread*rng.NormFloat64())))
		}
		w[name] = array{dims, data}
	}
	norm := func(name string) {
		fill(name+"LayerNorm.weight", 1, 0.2, s.hidden)
		fill(name+"LayerNorm.bias", 0, 0.2, s.hidden)
	}
	dense := func(name string, in, out int) {
		fill(name+".weight", 0, 1/math.Sqrt(float64(in)), out, in)
		fill(name+".bias", 0, 0.2, out)
	}
	fill("embeddings.word_embeddings.weight", 0, 1, s.vocabulary, s.hidden)
	fill("embeddings.position_embeddings.weight", 0, 0.5, s.positions, s.hidden)
	fill("embeddings.token_type_embeddings.weight", 0, 0.5, 2, s.hidden)
	norm("embeddings.")
	for i := range s.layers {
		name := s.layer(i)
		for _, part := range []string{"query", "key", "value"} {
			dense(name+"attention.self."+part, s.hidden, s.hidden)
		}
		dense(name+"attention.output.dense", s.hidden, s.hidden)
		norm(name + "attention.output.")
		dense(name+"intermediate.dense", s.hidden, s.inner)
		dense(name+"output.dense", s.inner, s.hidden)
		norm(name + "output.")
	}
	return w
}

// toHalf narrows a number in the normal range, cutting what does not fit.
func toHalf(f float32) uint16 {
	bits := math.Float32bits(f)
	exponent := int(bits>>23&0xff) - 112
	if exponent <= 0 {
		return 0
	}
	return uint16(bits>>16&0x8000) | uint16(exponent<<10) | uint16(bits>>13&0x3ff)
}

// file encodes w as safetensors of the type F16 or F32.
func (w weights) file(t testing.TB, dtype string) []byte {
	t.Helper()
	header, body := map[string]any{"__metadata__": map[string]string{"format": "pt"}}, []byte{}
	for _, name := range slices.Sorted(maps.Keys(w)) {
		from := len(body)
		for _, v := range w[name].data {
			if dtype == "F16" {
				body = binary.LittleEndian.AppendUint16(body, toHalf(v))
			} else {
				body = binary.LittleEndian.AppendUint32(body, math.Float32bits(v))
			}
		}
		header[name] = map[string]any{
			"dtype": dtype, "shape": w[name].shape, "data_offsets": []int{from, len(body)},
		}
	}
	head, err := json.Marshal(header)
	if err != nil {
		t.Fatal(err)
	}
	out := binary.LittleEndian.AppendUint64(nil, uint64(len(head)))
	return slices.Concat(out, head, body)
}

// tinyPieces is the vocabulary of the tiny model; the number of a piece is its
// place.
const tinyPieces = "[PAD] [UNK] [CLS] [SEP] duck s ##s fly ##ing swim un ##fly ##able a ##b é cafe 鸭 . , ! - ( x"

// tinyTokenizer returns a tokenizer.json of the given pieces.
func tinyTokenizer(t testing.TB, pieces string) []byte {
	t.Helper()
	vocab := map[string]int{}
	for i, piece := range strings.Fields(pieces) {
		vocab[piece] = i
	}
	raw, err := json.Marshal(map[string]any{
		"normalizer": map[string]any{"type": "BertNormalizer", "lowercase": true, "strip_accents": nil},
		"model": map[string]any{
			"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
			"max_input_chars_per_word": 100, "vocab": vocab,
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

const tinyConfig = `{"model_type": "bert", "num_attention_heads": 2, "hidden_act": "gelu", "layer_norm_eps": 1e-12}`

// tinyFiles is the tiny model as files.
func tinyFiles(t testing.TB) map[string][]byte {
	t.Helper()
	return map[string][]byte{
		"tiny.safetensors": randomWeights(tinyShape, 1).file(t, "F16"),
		tokenizerFile:      tinyTokenizer(t, tinyPieces),
		configFile:         []byte(tinyConfig),
	}
}

// folderOf writes files into a folder of their own.
func folderOf(t testing.TB, files map[string][]byte) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// tiny returns an embedder of the tiny model.
func tiny(t testing.TB, opts *Options) *Embedder {
	t.Helper()
	e, err := New(folderOf(t, tinyFiles(t)), opts)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func tinyModel(t testing.TB, file []byte) *model {
	t.Helper()
	ts, err := openTensors(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	m, err := buildModel(ts, tinyShape)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func cosine(a, b llm.Vector) float64 {
	var dot, aa, bb float64
	for i := range a {
		dot += float64(a[i]) * float64(b[i])
		aa += float64(a[i]) * float64(a[i])
		bb += float64(b[i]) * float64(b[i])
	}
	return dot / math.Sqrt(aa*bb)
}
