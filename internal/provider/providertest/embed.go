package providertest

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
)

type usage struct {
	PromptTokens     int `json:"prompt_tokens,omitzero"`
	CompletionTokens int `json:"completion_tokens,omitzero"`
	TotalTokens      int `json:"total_tokens"`
}

func usageOf(read, written int) *usage {
	return &usage{PromptTokens: read, CompletionTokens: written, TotalTokens: read + written}
}

// readEmbeddings reads OpenAI's and Voyage's requests.
func readEmbeddings(body []byte) (call, error) {
	var in struct {
		Model           string   `json:"model"`
		Input           []string `json:"input"`
		EncodingFormat  string   `json:"encoding_format"`
		Dimensions      int      `json:"dimensions"`
		InputType       string   `json:"input_type"`
		OutputDimension int      `json:"output_dimension"`
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return call{}, fmt.Errorf("read the request: %w", err)
	}
	if len(in.Input) == 0 || slices.Contains(in.Input, "") {
		return call{}, errors.New("'$.input' is invalid: empty")
	}
	c := call{Request: Request{
		Model:      in.Model,
		Texts:      in.Input,
		Input:      in.InputType,
		Dimensions: cmp.Or(in.Dimensions, in.OutputDimension),
	}}
	packed := in.EncodingFormat == "base64"
	c.document = func(o Options, a Action) any {
		texts := in.Input
		first := 0
		if a.Fault == Missing {
			first = 1
		}
		vectors := make([][]float32, 0, len(texts))
		for _, text := range texts[first:] {
			vectors = append(vectors, Embedding(text, cmp.Or(c.Dimensions, o.Dimensions)))
		}
		return embeddings(in.Model, first, vectors, packed && !o.Numbers, usageOf(c.read(), 0))
	}
	return c, nil
}

// embeddings writes OpenAI's answer. It does so by hand, because thousands of them a
// second are asked for: encoding/json looks at each letter of a vector twice.
func embeddings(model string, first int, vectors [][]float32, packed bool, u *usage) ready {
	var b bytes.Buffer
	b.WriteString(`{"object":"list","model":` + text(model) + `,"data":[`)
	for i, v := range vectors {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"object":"embedding","index":%d,"embedding":`, first+i)
		if packed {
			b.WriteString(`"` + encode(v) + `"}`)
		} else {
			b.WriteString(text(v) + "}")
		}
	}
	b.WriteString(`],"usage":` + text(u) + `}`)
	return b.Bytes()
}

// readServiceEmbed reads a request to the embedding service.
func readServiceEmbed(body []byte) (call, error) {
	var in struct {
		Content string `json:"content"`
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return call{}, fmt.Errorf("read the request: %w", err)
	}
	c := call{Request: Request{Texts: []string{in.Content}}}
	c.document = func(o Options, a Action) any {
		v := Embedding(in.Content, o.Dimensions)
		if a.Fault == Missing {
			v = []float32{}
		}
		return struct {
			Embedding []float32 `json:"embedding"`
			Dimension int       `json:"dimension"`
		}{v, len(v)}
	}
	return c, nil
}

// encode returns a vector as base64 of little-endian float32.
func encode(v []float32) string {
	raw := make([]byte, 0, 4*len(v))
	for _, x := range v {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(x))
	}
	return base64.StdEncoding.EncodeToString(raw)
}
