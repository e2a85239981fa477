package providertest

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

type embedding struct {
	Object    string `json:"object"`
	Index     int    `json:"index"`
	Embedding any    `json:"embedding"` // base64 text or numbers
}

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
	c.document = func(o Options, a Action) any {
		data := make([]embedding, len(in.Input))
		for i, text := range in.Input {
			data[i] = embedding{Object: "embedding", Index: i}
			v := Embedding(text, cmp.Or(c.Dimensions, o.Dimensions))
			if data[i].Embedding = v; in.EncodingFormat == "base64" && !o.Numbers {
				data[i].Embedding = encode(v)
			}
		}
		if a.Fault == Missing {
			data = data[1:]
		}
		return struct {
			Object string      `json:"object"`
			Model  string      `json:"model"`
			Data   []embedding `json:"data"`
			Usage  *usage      `json:"usage"`
		}{"list", in.Model, data, usageOf(c.read(), 0)}
	}
	return c, nil
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
	var b bytes.Buffer
	b.Grow(4 * len(v))
	_ = binary.Write(&b, binary.LittleEndian, v) // to memory: cannot fail
	return base64.StdEncoding.EncodeToString(b.Bytes())
}
