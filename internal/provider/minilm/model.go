package minilm

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Bounds of a model, far above any of this family, so that a hostile file cannot
// ask for much.
const (
	maxWidth  = 8192
	maxLayers = 64
)

// A shape is the sizes of a model.
type shape struct {
	hidden     int // width of a token's row, and length of a vector
	inner      int // width inside the feed-forward part
	heads      int
	layers     int
	vocabulary int
	positions  int // longest sequence there are weights for
	epsilon    float64
	prefix     string // of the tensors' names
}

// shapeOf reads the sizes off the tensors.
func shapeOf(ts *tensors, c modelConfig) (shape, error) {
	const words = "embeddings.word_embeddings.weight"
	var names []string
	for name := range ts.byName {
		if strings.HasSuffix(name, words) {
			names = append(names, name)
		}
	}
	if len(names) != 1 {
		return shape{}, fmt.Errorf("not a BERT: %d tensors named %s", len(names), words)
	}
	s := shape{prefix: strings.TrimSuffix(names[0], words), epsilon: c.Epsilon}
	s.vocabulary, s.hidden = dimensions(ts.shape(names[0]))
	s.positions, _ = dimensions(ts.shape(s.prefix + "embeddings.position_embeddings.weight"))
	s.inner, _ = dimensions(ts.shape(s.layer(0) + "intermediate.dense.weight"))
	for s.layers <= maxLayers && ts.shape(s.layer(s.layers)+"output.dense.weight") != nil {
		s.layers++
	}
	usual := s.hidden / 64
	if s.hidden == 384 {
		usual = 12 // the MiniLMs have narrow heads
	}
	s.heads = cmp.Or(c.Heads, usual)
	return s, s.check()
}

// dimensions returns the two sizes of a matrix, zero if it is none.
func dimensions(shape []int64) (rows, columns int) {
	if len(shape) != 2 || slices.Max(shape) > 1<<20 {
		return 0, 0
	}
	return int(shape[0]), int(shape[1])
}

func (s *shape) check() error {
	switch {
	case s.hidden < 1 || s.hidden > maxWidth || s.inner < 1 || s.inner > maxWidth || s.vocabulary < 1:
		return fmt.Errorf("a model of width %d, %d inside, with %d tokens cannot be run", s.hidden, s.inner, s.vocabulary)
	case s.positions <= specials:
		return fmt.Errorf("a model of %d positions cannot be run", s.positions)
	case s.layers < 1 || s.layers > maxLayers:
		return fmt.Errorf("a model of %d layers cannot be run", s.layers)
	case s.heads < 1 || s.hidden%s.heads != 0 || s.head()%strip != 0 || s.inner%strip != 0:
		return fmt.Errorf("a model of width %d, %d inside, with %d heads cannot be run: sizes must be multiples of %d",
			s.hidden, s.inner, s.heads, strip)
	}
	return nil
}

// head is the width of one attention head.
func (s *shape) head() int { return s.hidden / s.heads }

// sequence is the longest sequence to run.
func (s *shape) sequence() int { return min(maxSequence, s.positions) }

func (s *shape) layer(i int) string { return fmt.Sprintf("%sencoder.layer.%d.", s.prefix, i) }

// name is the model's name for people. The sizes of all-MiniLM-L6-v2 are taken for
// that model; the identity's hash tells its relatives apart.
func (s *shape) name() string {
	if s.hidden == 384 && s.layers == 6 && s.heads == 12 {
		return "all-MiniLM-L6-v2"
	}
	return fmt.Sprintf("bert-L%d-H%d", s.layers, s.hidden)
}

// A model is the weights, laid out for the kernels. It is read only.
type model struct {
	shape   shape
	kernels kernels
	words   table
	// positions has the embedding of each position plus that of token type 0, the
	// only one in use.
	positions []float32
	norm      layerNorm
	layers    []layer
}

// A layer is one block of the transformer.
type layer struct {
	qkv, out, up, down *panel
	attended, fed      layerNorm
}

// A table holds one row a token, as stored: of the 46 MB that the words would take
// as floats, a text needs some hundred rows.
type table struct {
	data  []byte
	half  bool
	width int
}

// row decodes the row of a token.
func (t *table) row(dst []float32, id int32) {
	size := 4 * t.width
	if t.half {
		size = 2 * t.width
	}
	decode(dst[:t.width], t.data[int(id)*size:], t.half)
}

// loadModel reads the weights in f.
func loadModel(f folder) (*model, error) {
	file, err := os.Open(filepath.Join(f.dir, f.weights))
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	ts, err := openTensors(file, info.Size())
	if err != nil {
		return nil, err
	}
	return buildModel(ts, f.shape)
}

func buildModel(ts *tensors, s shape) (*model, error) {
	l := loader{ts: ts, shape: s}
	m := &model{shape: s, kernels: supportedKernels()[0], layers: make([]layer, s.layers)}
	m.words.width = s.hidden
	m.words.data, m.words.half = l.raw("embeddings.word_embeddings.weight", s.vocabulary, s.hidden)
	m.positions = l.floats(s.prefix+"embeddings.position_embeddings.weight", s.positions, s.hidden)
	l.addType(m.positions)
	m.norm = l.norm(s.prefix + "embeddings.")
	for i := range m.layers {
		m.layers[i] = l.layer(s.layer(i))
	}
	return m, l.err
}

// A loader reads tensors and keeps the first error, after which it reads nothing.
type loader struct {
	ts    *tensors
	shape shape
	buf   []byte
	err   error
}

func (l *loader) raw(name string, rows, columns int) ([]byte, bool) {
	data, half, err := l.ts.bytes(nil, l.shape.prefix+name, int64(rows), int64(columns))
	l.err = cmp.Or(l.err, err)
	return data, half
}

// floats reads a tensor of the given shape.
func (l *loader) floats(name string, dims ...int) []float32 {
	size, wide := 1, make([]int64, len(dims))
	for i, d := range dims {
		size *= d
		wide[i] = int64(d)
	}
	if l.err != nil {
		return nil
	}
	data, half, err := l.ts.bytes(l.buf, name, wide...)
	if err != nil {
		l.err = err
		return nil
	}
	l.buf = data
	out := make([]float32, size)
	decode(out, data, half)
	return out
}

// addType adds the embedding of token type 0 to every position.
func (l *loader) addType(positions []float32) {
	name := l.shape.prefix + "embeddings.token_type_embeddings.weight"
	types, _ := dimensions(l.ts.shape(name))
	kind := l.floats(name, types, l.shape.hidden)
	if l.err != nil {
		return
	}
	for i := range positions {
		positions[i] += kind[i%l.shape.hidden]
	}
}

func (l *loader) norm(name string) layerNorm {
	return layerNorm{
		gain:    l.floats(name+"LayerNorm.weight", l.shape.hidden),
		bias:    l.floats(name+"LayerNorm.bias", l.shape.hidden),
		epsilon: float32(l.shape.epsilon),
	}
}

func (l *loader) layer(name string) layer {
	h, inner := l.shape.hidden, l.shape.inner
	self := name + "attention.self."
	return layer{
		qkv:      l.dense(h, h, self+"query", self+"key", self+"value"),
		out:      l.dense(h, h, name+"attention.output.dense"),
		up:       l.dense(h, inner, name+"intermediate.dense"),
		down:     l.dense(inner, h, name+"output.dense"),
		attended: l.norm(name + "attention.output."),
		fed:      l.norm(name + "output."),
	}
}

// dense reads linear maps of the same input, each from in to out numbers, and
// puts them side by side.
func (l *loader) dense(in, out int, names ...string) *panel {
	p := newPanel(in, out*len(names))
	for i, name := range names {
		w := l.floats(name+".weight", out, in)
		bias := l.floats(name+".bias", out)
		if l.err != nil {
			return nil
		}
		p.setColumns(i*out, matrix{w, in}, out)
		copy(p.bias[i*out:], bias)
	}
	return p
}
