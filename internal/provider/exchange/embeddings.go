package exchange

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"sync/atomic"

	"kvasir/internal/llm"
)

// Embeddings is the answer to an embedding request in OpenAI's form, which Voyage
// and all compatible servers share, or in Gemini's.
type Embeddings struct {
	vectors []Vector
	indexes []*int // nil: the position in vectors
	tokens  int
}

// read decodes the answer. Nearly all of it are vectors, and a decoder of JSON
// walks each of their bytes three times; so they are taken out before.
func (a *Embeddings) read(data []byte) error {
	short, long := lift(data)
	var wire struct {
		Data []struct {
			Index     *int            `json:"index"`
			Embedding json.RawMessage `json:"embedding"`
		} `json:"data"`
		Embeddings []struct {
			Values json.RawMessage `json:"values"`
		} `json:"embeddings"` // Gemini's
		Usage struct {
			PromptTokens int `json:"prompt_tokens"`
			TotalTokens  int `json:"total_tokens"`
		} `json:"usage"`
	}
	if err := json.Unmarshal(short, &wire); err != nil {
		return err
	}
	a.tokens = max(wire.Usage.PromptTokens, wire.Usage.TotalTokens)
	n := len(wire.Data) + len(wire.Embeddings)
	a.vectors, a.indexes = make([]Vector, n), make([]*int, n)
	for i := range n {
		raw := json.RawMessage(nil)
		if i < len(wire.Data) {
			raw, a.indexes[i] = wire.Data[i].Embedding, wire.Data[i].Index
		} else {
			raw = wire.Embeddings[i-len(wire.Data)].Values
		}
		if err := a.vectors[i].UnmarshalJSON(restore(raw, long)); err != nil {
			return err
		}
	}
	return nil
}

// Tokens returns the tokens of the input; Voyage reports only the total, Gemini
// none.
func (a Embeddings) Tokens() int { return a.tokens }

// Vectors returns the vectors in the order of the n texts that were sent. They
// are all there and as long as d says, or there is an error.
func (a Embeddings) Vectors(n int, d *Dimensions) ([]llm.Vector, error) {
	if len(a.vectors) != n {
		return nil, fmt.Errorf("%d vectors for %d texts", len(a.vectors), n)
	}
	out := make([]llm.Vector, n)
	for i, v := range a.vectors {
		at := i
		if a.indexes[i] != nil {
			at = *a.indexes[i]
		}
		if at < 0 || at >= n || out[at] != nil {
			return nil, fmt.Errorf("vector index %d is out of range or given twice", at)
		}
		if out[at] = llm.Vector(v); len(v) == 0 {
			return nil, fmt.Errorf("vector %d is empty", at)
		}
	}
	return out, d.Check(out)
}

// A Vector reads an embedding from base64 of little-endian float32 or from an
// array of numbers: compatible servers may ignore which one was asked for.
type Vector llm.Vector

var (
	errNotFinite = errors.New("vector: a number is missing or not finite")
	errNoVector  = errors.New("vector: neither numbers nor base64 of them")
)

// UnmarshalJSON reads either form. Numbers that are not finite are refused:
// one of them would spoil every comparison.
func (v *Vector) UnmarshalJSON(raw []byte) error {
	switch raw = bytes.TrimSpace(raw); {
	case len(raw) >= 2 && raw[0] == '[' && raw[len(raw)-1] == ']':
		return v.fromNumbers(string(raw[1 : len(raw)-1]))
	case len(raw) == 0 || string(raw) == "null":
		return errNotFinite
	case len(raw) < 2 || raw[0] != '"':
		return errNoVector
	case bytes.IndexByte(raw, '\\') < 0:
		return v.fromBase64(raw[1 : len(raw)-1])
	}
	var s string // "\/" is the usual escape here
	if err := json.Unmarshal(raw, &s); err != nil {
		return err
	}
	return v.fromBase64([]byte(s))
}

func (v *Vector) fromBase64(text []byte) error {
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

// fromNumbers reads what is between the brackets of an array.
func (v *Vector) fromNumbers(list string) error {
	if strings.TrimSpace(list) == "" {
		*v = Vector{}
		return nil
	}
	out := make(Vector, 0, strings.Count(list, ",")+1)
	for list != "" {
		number, rest, more := strings.Cut(list, ",")
		n, err := readNumber(number)
		if err != nil {
			return err
		}
		if out, list = append(out, n), rest; more && rest == "" {
			return errNoVector
		}
	}
	*v = out
	return nil
}

// exactDigits is how many decimal digits fit into an uint64.
const exactDigits = 19

// readNumber reads a number with space around it. Nearly all are plain decimals,
// which need only one division: its rounding is far below what a float32 holds.
func readNumber(s string) (float32, error) {
	var digits uint64
	n, fraction, point, negative := 0, 0, false, false
	s = strings.TrimSpace(s)
	for i := range len(s) {
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			digits = digits*10 + uint64(c-'0')
			n++
			if point {
				fraction++
			}
		case c == '.' && !point:
			point = true
		case c == '-' && i == 0:
			negative = true
		default:
			return readRareNumber(s)
		}
	}
	if n == 0 || n > exactDigits {
		return readRareNumber(s)
	}
	number := float64(digits) / math.Pow10(fraction)
	if negative {
		number = -number
	}
	return float32(number), nil
}

func readRareNumber(s string) (float32, error) {
	if s == "" {
		return 0, errNoVector
	}
	switch s[0] | 0x20 { // of null, which is how some servers write NaN; of NaN and Infinity
	case 'n', 'i':
		return 0, errNotFinite
	}
	n, err := strconv.ParseFloat(s, 32)
	switch {
	case errors.Is(err, strconv.ErrRange) || math.IsInf(n, 0):
		return 0, errNotFinite
	case err != nil || math.IsNaN(n):
		return 0, errNoVector
	}
	return float32(n), nil
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
