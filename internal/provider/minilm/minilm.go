// Package minilm turns English texts into vectors in this process, with no key
// and no network: it runs all-MiniLM-L6-v2, or another BERT of that family, from
// a folder of files.
//
// An [Embedder] is cheap until it is used. [New] looks at the files and derives
// the model's identity; the vocabulary is read at the first count of tokens and
// the weights, 66 MB of memory, at the first text to embed. [Install] fetches the
// files.
//
// The way of a text: [splitter] cleans it and cuts it into words, [vocabulary]
// cuts those into pieces, [model] runs the pieces through the layers, and the
// mean of the last layer's rows, of length 1, is the vector. All texts of a group
// run together as one tall matrix, so that each weight fetched from memory serves
// many rows; [kernels] multiplies, in assembly where the processor allows it.
package minilm

import (
	"cmp"
	"fmt"
	"path/filepath"
	"runtime"
	"sync"

	"kvasir/internal/fault"
	"kvasir/internal/llm"
)

const (
	// maxSequence is the longest sequence the model was trained for, the two
	// special tokens included.
	maxSequence = 256
	specials    = 2 // [CLS] and [SEP]
)

// Bounds of one request: about a second of work, so that results are stored in
// small steps and little is lost by a crash.
const (
	maxItems       = 32
	maxBatchTokens = 4096
)

// Options bound the work.
type Options struct {
	// Threads is how many groups of texts are computed at once. 0 means one less
	// than GOMAXPROCS, at least 1. A query may use one more.
	Threads int
}

// An Embedder implements [llm.Embedder], [llm.Tokenizer] and [llm.Coverer].
type Embedder struct {
	folder  folder
	spec    llm.EmbedSpec
	threads int

	words   lazy[vocabulary]
	weights lazy[model]

	// Working memory goes with the right to compute: who takes a scratch from a
	// channel may run one group and puts it back.
	bulk  chan *scratch
	extra chan *scratch // for queries only, so that none waits for bulk work
}

// New returns an embedder of the model in dir. It checks that the files are there
// and belong together, and loads nothing.
func New(dir string, opts *Options) (*Embedder, error) {
	f, err := openFolder(dir)
	if err != nil {
		return nil, fmt.Errorf("minilm: %w", err)
	}
	if opts == nil {
		opts = &Options{}
	}
	threads := cmp.Or(max(opts.Threads, 0), max(1, runtime.GOMAXPROCS(0)-1))
	e := &Embedder{
		folder: f,
		spec: llm.EmbedSpec{
			Model:          f.identity,
			Dimensions:     f.shape.hidden,
			MaxTokens:      f.shape.sequence() - specials,
			MaxItems:       maxItems,
			MaxBatchTokens: maxBatchTokens,
		},
		threads: threads,
		bulk:    make(chan *scratch, threads),
		extra:   make(chan *scratch, 1),
	}
	for range threads {
		e.bulk <- &scratch{home: e.bulk}
	}
	e.extra <- &scratch{home: e.extra}
	return e, nil
}

// Spec implements [llm.Embedder].
func (e *Embedder) Spec() llm.EmbedSpec { return e.spec }

// CountTokens implements [llm.Tokenizer]. Without a readable vocabulary it
// estimates; [Embedder.Embed] then tells what is wrong.
func (e *Embedder) CountTokens(text string) int {
	v, err := e.vocabulary()
	if err != nil {
		return llm.EstimateTokens(text)
	}
	return v.count(text)
}

// Coverage implements [llm.Coverer]. It is zero for a text without words.
func (e *Embedder) Coverage(text string) llm.Coverage {
	v, err := e.vocabulary()
	if err != nil {
		return llm.Coverage{}
	}
	return v.coverage(text)
}

func (e *Embedder) vocabulary() (*vocabulary, error) {
	return e.words.get(func() (*vocabulary, error) {
		v, err := readVocabulary(filepath.Join(e.folder.dir, tokenizerFile))
		if err != nil {
			return nil, e.unreadable(err)
		}
		if v.size > e.folder.shape.vocabulary {
			return nil, e.unreadable(fmt.Errorf("%s has %d tokens and the weights only %d",
				tokenizerFile, v.size, e.folder.shape.vocabulary))
		}
		return v, nil
	})
}

func (e *Embedder) model() (*model, error) {
	return e.weights.get(func() (*model, error) {
		m, err := loadModel(e.folder)
		if err != nil {
			return nil, e.unreadable(err)
		}
		return m, nil
	})
}

func (e *Embedder) unreadable(cause error) error {
	return fault.Wrap(fault.Unavailable,
		"The offline embedding model in "+e.folder.dir+" cannot be read; install it again", cause)
}

// A lazy value is loaded when it is first wanted. A failure is not kept: the next
// caller tries again.
type lazy[T any] struct {
	mu    sync.Mutex
	value *T // guarded by mu
}

func (l *lazy[T]) get(load func() (*T, error)) (*T, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.value != nil {
		return l.value, nil
	}
	v, err := load()
	if err != nil {
		return nil, err
	}
	l.value = v
	return v, nil
}
