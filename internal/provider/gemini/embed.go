package gemini

import (
	"cmp"
	"context"
	"strconv"

	"kvasir/internal/llm"
	"kvasir/internal/provider/exchange"
)

const (
	// maxItems is the API's limit of texts in a request.
	maxItems = 100
	// maxTokens is the longest text of gemini-embedding-001 and those before it.
	maxTokens      = 2048
	maxBatchTokens = 100_000
)

// EmbedConfig says which model embeds.
type EmbedConfig struct {
	// Model is the model's name.
	Model string
	// Served is what the server calls Model, if that is something else.
	Served string
	// Identity is the vectors' [llm.EmbedSpec.Model], for lanes that stand for each
	// other; empty means one made of the server and the model.
	Identity string
	// Dimensions is the length of vectors to ask for; 0 takes what the model gives.
	Dimensions int
}

// An Embedder implements [llm.Embedder].
type Embedder struct {
	endpoint   *exchange.Endpoint
	cfg        EmbedConfig
	dimensions exchange.Dimensions
}

// Embedder returns an embedder of one model.
func (c *Client) Embedder(cfg EmbedConfig) *Embedder {
	identity := []string{cfg.Model}
	if cfg.Dimensions > 0 {
		identity = append(identity, strconv.Itoa(cfg.Dimensions))
	}
	cfg.Served = cmp.Or(cfg.Served, cfg.Model)
	cfg.Identity = cmp.Or(cfg.Identity, c.endpoint.Identity(identity...))
	e := &Embedder{endpoint: c.endpoint, cfg: cfg}
	e.dimensions.Given(cfg.Dimensions)
	return e
}

// Spec implements [llm.Embedder].
func (e *Embedder) Spec() llm.EmbedSpec {
	return llm.EmbedSpec{
		Model:          e.cfg.Identity,
		Dimensions:     e.dimensions.Known(),
		MaxTokens:      maxTokens,
		MaxItems:       maxItems,
		MaxBatchTokens: maxBatchTokens,
	}
}

type embedRequest struct {
	Requests []embedText `json:"requests"`
}

type embedText struct {
	Model      string  `json:"model"`
	Content    content `json:"content"`
	TaskType   string  `json:"taskType,omitempty"`
	Dimensions int     `json:"outputDimensionality,omitzero"`
}

// Embed implements [llm.Embedder]. The API does not tell how many tokens it read.
func (e *Embedder) Embed(ctx context.Context, req llm.EmbedRequest) (llm.EmbedResponse, error) {
	if err := e.endpoint.CheckTexts(req.Texts); err != nil {
		return llm.EmbedResponse{}, err
	}
	tasks := map[llm.Input]string{llm.InputDocument: "RETRIEVAL_DOCUMENT", llm.InputQuery: "RETRIEVAL_QUERY"}
	model := resource(e.cfg.Served)
	body := embedRequest{Requests: make([]embedText, len(req.Texts))}
	for i, text := range req.Texts {
		body.Requests[i] = embedText{
			Model:      model,
			Content:    content{Parts: []part{{Text: text}}},
			TaskType:   tasks[req.Input],
			Dimensions: e.cfg.Dimensions,
		}
	}
	answer, err := exchange.Post[exchange.Embeddings](ctx, e.endpoint, "/"+model+":batchEmbedContents", body)
	if err != nil {
		return llm.EmbedResponse{}, err
	}
	vectors, err := answer.Vectors(len(req.Texts), &e.dimensions)
	if err != nil {
		return llm.EmbedResponse{}, e.endpoint.Garbage(err)
	}
	return llm.EmbedResponse{Vectors: vectors}, nil
}
