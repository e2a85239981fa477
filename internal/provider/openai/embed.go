package openai

import (
	"cmp"
	"context"
	"strconv"
	"strings"

	"kvasir/internal/llm"
	"kvasir/internal/provider/exchange"
)

const (
	// maxItems and maxBatchTokens are below OpenAI's limits of 2,048 texts and
	// 300,000 tokens a request: larger batches gain nothing, and lose more when
	// they fail.
	maxItems       = 256
	maxBatchTokens = 100_000
	// openAITokens is the longest text of OpenAI's embedding models.
	openAITokens = 8191
	// unknownTokens suits the many models of BERT's size behind compatible servers.
	unknownTokens = 512
)

// EmbedConfig says which model embeds.
type EmbedConfig struct {
	// Model is the model's name.
	Model string
	// Served is what the server calls Model, if that is something else: the name of
	// a deployment.
	Served string
	// Identity is the vectors' [llm.EmbedSpec.Model], for lanes that stand for each
	// other; empty means one made of the server and the model.
	Identity string
	// Dimensions is the length of vectors to ask for; 0 takes what the model
	// gives. Only models that can shorten their vectors understand it.
	Dimensions int
	// MaxTokens is the longest text in tokens; 0 means 8191 for OpenAI's models and
	// 512 for unknown ones.
	MaxTokens int
}

// An Embedder implements [llm.Embedder].
type Embedder struct {
	client     *Client
	cfg        EmbedConfig
	dimensions exchange.Dimensions
}

// Embedder returns an embedder of one model.
func (c *Client) Embedder(cfg EmbedConfig) *Embedder {
	identity := []string{cfg.Model}
	if cfg.Dimensions > 0 {
		identity = append(identity, strconv.Itoa(cfg.Dimensions))
	}
	known := unknownTokens
	if strings.HasPrefix(cfg.Model, "text-embedding-3") || cfg.Model == "text-embedding-ada-002" {
		known = openAITokens
	}
	cfg.MaxTokens = cmp.Or(cfg.MaxTokens, known)
	cfg.Served = cmp.Or(cfg.Served, cfg.Model)
	cfg.Identity = cmp.Or(cfg.Identity, c.endpoint.Identity(identity...))
	e := &Embedder{client: c, cfg: cfg}
	e.dimensions.Given(cfg.Dimensions)
	return e
}

// Spec implements [llm.Embedder].
func (e *Embedder) Spec() llm.EmbedSpec {
	return llm.EmbedSpec{
		Model:          e.cfg.Identity,
		Dimensions:     e.dimensions.Known(),
		MaxTokens:      e.cfg.MaxTokens,
		MaxItems:       maxItems,
		MaxBatchTokens: maxBatchTokens,
	}
}

type embedRequest struct {
	Model          string   `json:"model"`
	Input          []string `json:"input"`
	EncodingFormat string   `json:"encoding_format"`
	Dimensions     int      `json:"dimensions,omitzero"`
}

// Embed implements [llm.Embedder]. Documents and queries are embedded alike.
func (e *Embedder) Embed(ctx context.Context, req llm.EmbedRequest) (llm.EmbedResponse, error) {
	if err := e.client.endpoint.CheckTexts(req.Texts); err != nil {
		return llm.EmbedResponse{}, err
	}
	path := e.client.path(e.cfg.Served, "/embeddings")
	answer, err := exchange.Post[exchange.Embeddings](ctx, e.client.endpoint, path, embedRequest{
		Model:          e.cfg.Served,
		Input:          req.Texts,
		EncodingFormat: "base64", // half the bytes of decimal numbers, and faster to read
		Dimensions:     e.cfg.Dimensions,
	})
	if err != nil {
		return llm.EmbedResponse{}, err
	}
	vectors, err := answer.Vectors(len(req.Texts), &e.dimensions)
	if err != nil {
		return llm.EmbedResponse{}, e.client.endpoint.Garbage(err)
	}
	return llm.EmbedResponse{Vectors: vectors, Usage: llm.Usage{InputTokens: answer.Tokens()}}, nil
}
