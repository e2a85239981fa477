// Package minilm is the offline embedding model: all-MiniLM-L6-v2 in Go, with no
// cgo and no service beside it.
//
// The model is a folder of two files, weights as safetensors and a tokenizer,
// that [Install] fetches; any folder with a BERT model of MiniLM's shape works.
// An [Embedder] reads the tokenizer at first use, and the weights when the first
// text is embedded, so a server that never embeds stays small. Texts are
// lower-cased English WordPiece of at most 254 tokens, mean-pooled and of length
// 1. The matrix kernels are AVX2 assembly on amd64, and plain Go elsewhere.
package minilm

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"

	"kvasir/internal/llm"
)

const (
	// maxTokens is the model's limit without the marks at both ends.
	maxTokens = 254
	// groupTokens is about how many tokens go through the model together: enough
	// to keep the kernels busy, few enough to stop soon after a cancellation.
	groupTokens = 512
	// batchItems and batchTokens bound a request; there is no exchange to save, so
	// small ones are stored sooner.
	batchItems  = 32
	batchTokens = 8192
)

// Options tune the embedder. The zero value of a field is its default.
type Options struct {
	// Threads is how many batches are computed at once; by default all processors
	// but one, at least 1. A query may run beside them.
	Threads int
}

// An Embedder implements [llm.Embedder], [llm.Tokenizer] and [llm.Coverer].
type Embedder struct {
	identity  string
	tokenizer func() (*tokenizer, error)
	model     func() (*model, error)
	bulk      chan *encoder // a free encoder for each thread; nil is one not made yet
	query     chan *encoder // one more, for queries alone
}

// New returns the embedder of the model in dir. It only looks at the files; they
// are read at first use.
func New(dir string, opts *Options) (*Embedder, error) {
	var o Options
	if opts != nil {
		o = *opts
	}
	threads := cmp.Or(o.Threads, max(1, runtime.GOMAXPROCS(0)-1))
	weights, err := weightsFile(dir)
	if err != nil {
		return nil, err
	}
	identity, err := identify(weights)
	if err != nil {
		return nil, err
	}
	e := &Embedder{
		identity: identity,
		tokenizer: sync.OnceValues(func() (*tokenizer, error) {
			return loadTokenizer(filepath.Join(dir, tokenizerFile))
		}),
		model: sync.OnceValues(func() (*model, error) { return loadModel(weights) }),
		bulk:  make(chan *encoder, threads),
		query: make(chan *encoder, 1),
	}
	for range threads {
		e.bulk <- nil
	}
	e.query <- nil
	return e, nil
}

const tokenizerFile = "tokenizer.json"

// errNotInstalled says what to do.
var errNotInstalled = errors.New("the offline model is not installed; run kvasir model install")

// weightsFile finds the weights in a model's folder.
func weightsFile(dir string) (string, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.safetensors"))
	if err != nil || len(files) == 0 {
		return "", fmt.Errorf("%s has no .safetensors file: %w", dir, errNotInstalled)
	}
	if _, err := os.Stat(filepath.Join(dir, tokenizerFile)); err != nil {
		return "", fmt.Errorf("%s has no %s: %w", dir, tokenizerFile, errNotInstalled)
	}
	slices.Sort(files)
	return files[0], nil
}

// identityBytes is how much of each end of the weights goes into the identity.
// The head holds the names, types and places of all tensors; the tail is weights.
const identityBytes = 64 << 10

// identify names the model by its file's size and a hash of both ends: reading
// all 45 MB would double the time to start.
func identify(weights string) (string, error) {
	f, err := os.Open(weights)
	if err != nil {
		return "", fmt.Errorf("open weights: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", fmt.Errorf("open weights: %w", err)
	}
	sum := sha256.New()
	fmt.Fprintln(sum, info.Size())
	head := io.NewSectionReader(f, 0, identityBytes)
	tail := io.NewSectionReader(f, max(0, info.Size()-identityBytes), identityBytes)
	if _, err := io.Copy(sum, io.MultiReader(head, tail)); err != nil {
		return "", fmt.Errorf("read weights: %w", err)
	}
	return "minilm|all-MiniLM-L6-v2|" + hex.EncodeToString(sum.Sum(nil))[:12], nil
}

// Spec implements [llm.Embedder].
func (e *Embedder) Spec() llm.EmbedSpec {
	return llm.EmbedSpec{
		Model: e.identity, Dimensions: hidden, MaxTokens: maxTokens, MaxItems: batchItems, MaxBatchTokens: batchTokens,
	}
}

// CountTokens implements [llm.Tokenizer]. A tokenizer that cannot be read counts
// by estimate; Embed tells why.
func (e *Embedder) CountTokens(text string) int {
	t, err := e.tokenizer()
	if err != nil {
		return llm.EstimateTokens(text)
	}
	return t.count(text)
}

// Coverage implements [llm.Coverer].
func (e *Embedder) Coverage(text string) llm.Coverage {
	t, err := e.tokenizer()
	if err != nil {
		return llm.Coverage{}
	}
	return t.coverage(text)
}

// Embed implements [llm.Embedder]. Texts over the limit are cut. It stops within
// a group of texts after ctx ends.
func (e *Embedder) Embed(ctx context.Context, req llm.EmbedRequest) (llm.EmbedResponse, error) {
	t, err := e.tokenizer()
	if err != nil {
		return llm.EmbedResponse{}, sick(err)
	}
	m, err := e.model()
	if err != nil {
		return llm.EmbedResponse{}, sick(err)
	}
	enc, free, err := e.take(ctx, m, req.Input)
	if err != nil {
		return llm.EmbedResponse{}, err
	}
	defer free()
	out := llm.EmbedResponse{Vectors: make([]llm.Vector, len(req.Texts))}
	ids := make([][]int32, len(req.Texts))
	order := make([]int, len(req.Texts))
	for i, text := range req.Texts {
		ids[i], order[i] = t.encode(text, maxTokens+2), i
		out.Usage.InputTokens += len(ids[i])
	}
	// Texts of like length share a group, which the attention is quicker with.
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(len(ids[a]), len(ids[b])) })
	for len(order) > 0 {
		if err := ctx.Err(); err != nil {
			return llm.EmbedResponse{}, err
		}
		n, tokens := 0, 0
		for n < len(order) && (n == 0 || tokens+len(ids[order[n]]) <= groupTokens) {
			tokens += len(ids[order[n]])
			n++
		}
		group := make([][]int32, n)
		for i, j := range order[:n] {
			group[i] = ids[j]
		}
		for i, v := range enc.embed(group) {
			out.Vectors[order[i]] = v
		}
		order = order[n:]
	}
	return out, nil
}

// take waits for a free encoder. A query may have the one that is kept for it.
func (e *Embedder) take(ctx context.Context, m *model, input llm.Input) (*encoder, func(), error) {
	extra := e.query
	if input != llm.InputQuery {
		extra = nil
	}
	var enc *encoder
	from := e.bulk
	select {
	case enc = <-e.bulk:
	case enc = <-extra:
		from = e.query
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
	if enc == nil {
		enc = &encoder{model: m}
	}
	return enc, func() { from <- enc }, nil
}

func sick(err error) error {
	return &llm.Error{Class: llm.ClassDeadKey, Provider: "minilm", Message: "the model cannot be read", Err: err}
}
