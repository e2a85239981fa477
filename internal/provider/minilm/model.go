package minilm

import (
	"fmt"
	"math"
	"os"
)

// The shape of MiniLM-L6.
const (
	hidden    = 384
	inner     = 1536 // of the feed-forward step
	heads     = 12
	headWidth = hidden / heads
	layers    = 6
	// vocabularySize is how many tokens there are.
	vocabularySize = 30522
	positions      = 512
)

// A model is the weights, read only once loaded.
type model struct {
	words, positions, kind []float32
	scale, shift           []float32 // of the embeddings' norm
	layers                 [layers]layer
}

// A layer is one transformer layer.
type layer struct {
	qkv, out, up, down             *panel
	qkvBias, outBias               []float32
	upBias, downBias               []float32
	attentionScale, attentionShift []float32
	outputScale, outputShift       []float32
}

// loadModel reads the weights and packs them for the kernels.
func loadModel(file string) (*model, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read weights: %w", err)
	}
	ts, err := readSafetensors(raw)
	if err != nil {
		return nil, fmt.Errorf("read weights %s: %w", file, err)
	}
	l := &loader{tensors: ts}
	m := &model{
		words:     l.get("embeddings.word_embeddings.weight", vocabularySize*hidden),
		positions: l.get("embeddings.position_embeddings.weight", positions*hidden),
		kind:      l.get("embeddings.token_type_embeddings.weight", 2*hidden)[:hidden],
		scale:     l.get("embeddings.LayerNorm.weight", hidden),
		shift:     l.get("embeddings.LayerNorm.bias", hidden),
	}
	for i := range m.layers {
		m.layers[i] = l.layer(fmt.Sprintf("encoder.layer.%d.", i))
	}
	if l.err != nil {
		return nil, fmt.Errorf("read weights %s: %w", file, l.err)
	}
	return m, nil
}

// A loader takes tensors by name and keeps the first fault.
type loader struct {
	tensors tensors
	err     error
}

// get returns a tensor of n values, some of other writers' files with the prefix
// "bert.".
func (l *loader) get(name string, n int) []float32 {
	values, ok := l.tensors[name]
	if !ok {
		values, ok = l.tensors["bert."+name]
	}
	if !ok || len(values) != n {
		if l.err == nil {
			l.err = fmt.Errorf("tensor %s has %d values, and MiniLM-L6 has %d", name, len(values), n)
		}
		return make([]float32, n)
	}
	return values
}

func (l *loader) layer(p string) layer {
	var qkv, bias []float32
	for _, part := range []string{"query", "key", "value"} {
		qkv = append(qkv, l.get(p+"attention.self."+part+".weight", hidden*hidden)...)
		bias = append(bias, l.get(p+"attention.self."+part+".bias", hidden)...)
	}
	linear := func(name string, rows, columns int) *panel {
		return new(panel).packTransposed(l.get(name, rows*columns), rows, columns, columns)
	}
	return layer{
		qkv:            new(panel).packTransposed(qkv, 3*hidden, hidden, hidden),
		qkvBias:        bias,
		out:            linear(p+"attention.output.dense.weight", hidden, hidden),
		outBias:        l.get(p+"attention.output.dense.bias", hidden),
		up:             linear(p+"intermediate.dense.weight", inner, hidden),
		upBias:         l.get(p+"intermediate.dense.bias", inner),
		down:           linear(p+"output.dense.weight", hidden, inner),
		downBias:       l.get(p+"output.dense.bias", hidden),
		attentionScale: l.get(p+"attention.output.LayerNorm.weight", hidden),
		attentionShift: l.get(p+"attention.output.LayerNorm.bias", hidden),
		outputScale:    l.get(p+"output.LayerNorm.weight", hidden),
		outputShift:    l.get(p+"output.LayerNorm.bias", hidden),
	}
}

// normalise is layer normalisation, in place.
func normalise(x, scale, shift []float32) {
	var sum float32
	for _, v := range x {
		sum += v
	}
	mean := sum / float32(len(x))
	var squares float32
	for _, v := range x {
		squares += (v - mean) * (v - mean)
	}
	inv := float32(1 / math.Sqrt(float64(squares/float32(len(x)))+1e-12))
	for i, v := range x {
		x[i] = (v-mean)*inv*scale[i] + shift[i]
	}
}
