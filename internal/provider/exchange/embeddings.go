package exchange

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"sync/atomic"

	"kvasir/internal/llm"
)

// Embeddings is the answer to an embedding request in OpenAI's form, which
// Voyage and all compatible servers share.
type Embeddings struct {
	Data []struct {
		Index     *int   `json:"index"` // nil: the position in Data
		Embedding Vector `json:"embedding"`
	} `json:"data"`
	Usage struct {
		PromptTokens int `json:"prompt_tokens"`
		TotalTokens  int `json:"total_tokens"`
	} `json:"usage"`
}

// Tokens returns the tokens of the input; Voyage reports only the total.
func (a Embeddings) Tokens() int { return max(a.Usage.PromptTokens, a.Usage.TotalTokens) }

// Vectors returns the vectors in the order of the n texts that were sent. They
// are all there and as long as d says, or there is an error.
func (a Embeddings) Vectors(n int, d *Dimensions) ([]llm.Vector, error) {
	if len(a.Data) != n {
		return nil, fmt.Errorf("%d vectors for %d texts", len(a.Data), n)
	}
	out := make([]llm.Vector, n)
	for i, item := range a.Data {
		if item.Index != nil {
			i = *item.Index
		}
		if i < 0 || i >= n || out[i] != nil {
			return nil, fmt.Errorf("vector index %d is out of range or given twice", i)
		}
		if out[i] = llm.Vector(item.Embedding); len(out[i]) == 0 {
			return nil, fmt.Errorf("vector %d is empty", i)
		}
	}
	return out, d.Check(out)
}

// A Vector reads an embedding from base64 of little-endian float32 or from an
// array of numbers: compatible servers may ignore which one was asked for.
type Vector llm.Vector

// UnmarshalJSON reads either form. Numbers that are not finite are refused:
// one of them would spoil every comparison.
func (v *Vector) UnmarshalJSON(raw []byte) error {
	if len(raw) == 0 || raw[0] != '"' {
		return v.fromNumbers(raw)
	}
	text := raw[1 : len(raw)-1]
	if bytes.IndexByte(text, '\\') >= 0 { // "\/" is the usual escape here
		var s string
		if err := json.Unmarshal(raw, &s); err != nil {
			return err
		}
		text = []byte(s)
	}
	data := make([]byte, base64.StdEncoding.DecodedLen(len(text)))
	n, err := base64.StdEncoding.Decode(data, text)
	if err != nil {
		return fmt.Errorf("vector: %w", err)
	}
	if n%4 != 0 {
		return fmt.Errorf("vector: %d bytes are no whole number of float32", n)
	}
	out := make(Vector, n/4)
	for i := range out {
		bits := binary.LittleEndian.Uint32(data[4*i:])
		if bits&infinite == infinite {
			return errNotFinite
		}
		out[i] = math.Float32frombits(bits)
	}
	*v = out
	return nil
}

// infinite are the exponent bits of a float32: all set in infinities and NaNs.
const infinite = 0x7f800000

var errNotFinite = errors.New("vector: a number is missing or not finite")

func (v *Vector) fromNumbers(raw []byte) error {
	if bytes.IndexByte(raw, 'n') >= 0 { // a null, which is how some servers write NaN
		return errNotFinite
	}
	var numbers []float32
	if err := json.Unmarshal(raw, &numbers); err != nil {
		return fmt.Errorf("vector: %w", err)
	}
	*v = numbers
	return nil
}

// Dimensions is the length of a model's vectors: given, or learned from the
// first answer. The zero value has learned nothing.
type Dimensions struct {
	n atomic.Int64
}

// Given sets the length that was asked for; 0 leaves it to be learned.
func (d *Dimensions) Given(n int) { d.n.Store(int64(n)) }

// Known returns the length, 0 if no answer came yet.
func (d *Dimensions) Known() int { return int(d.n.Load()) }

// Check learns the length if need be and refuses vectors, at least one, of any
// other.
func (d *Dimensions) Check(vectors []llm.Vector) error {
	for _, v := range vectors {
		if want := len(vectors[0]); len(v) != want {
			return fmt.Errorf("vectors of %d and %d dimensions in one answer", want, len(v))
		}
	}
	got := int64(len(vectors[0]))
	if d.n.CompareAndSwap(0, got) || d.n.Load() == got {
		return nil
	}
	return fmt.Errorf("vectors of %d dimensions instead of %d", got, d.n.Load())
}
