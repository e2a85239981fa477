package app

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"kvasir/internal/chat"
	"kvasir/internal/config"
	"kvasir/internal/dispatch"
	"kvasir/internal/llm"
	"kvasir/internal/memo"
	"kvasir/internal/parse"
	"kvasir/internal/provider/exchange"
	"kvasir/internal/provider/extract"
	"kvasir/internal/provider/localservice"
	"kvasir/internal/provider/minilm"
	"kvasir/internal/provider/openai"
	"kvasir/internal/provider/voyage"
)

// bulkWithin is how long ingestion's calls are tried before their memo goes back
// into the line with the reason, where people can read it.
const bulkWithin = 10 * time.Second

func minilmInstalled(dir string) bool { return minilm.Installed(dir) }

// newDispatch builds the lanes of the chosen providers.
func (a *App) newDispatch(ctx context.Context) (*dispatch.Scheduler, error) {
	shared := exchange.NewHTTPClient(exchange.HTTPOptions{})
	cfg := dispatch.Config{
		EmbedSlots:    a.cfg.EmbedConcurrency,
		GenerateSlots: a.cfg.GenerateConcurrency,
		RerankSlots:   a.cfg.RerankConcurrency,
		BulkWithin:    bulkWithin,
		Log:           a.log,
	}
	var err error
	if cfg.Embedder, err = a.embedder(shared); err != nil {
		return nil, err
	}
	if cfg.Embedder != nil {
		cfg.Dimensions, err = a.store.Dimension(ctx, cfg.Embedder.Spec().Model)
		if err != nil {
			return nil, fmt.Errorf("read the model's dimension: %w", err)
		}
	}
	for _, name := range a.models.Generators {
		cfg.Generators = append(cfg.Generators, dispatch.Named{Name: name, Generator: a.generator(name, shared)})
	}
	cfg.Reranker = a.reranker(shared)
	return dispatch.New(cfg), nil
}

func (a *App) openAI(shared *http.Client) *openai.Client {
	return openai.New(openai.Config{
		BaseURL: a.cfg.OpenAIBaseURL, APIKey: a.cfg.OpenAIKey.Reveal(), HTTPClient: shared,
	})
}

func (a *App) voyage(shared *http.Client) *voyage.Client {
	return voyage.New(voyage.Config{
		BaseURL: a.cfg.VoyageBaseURL, APIKey: a.cfg.VoyageKey.Reveal(), HTTPClient: shared,
	})
}

func (a *App) localService(shared *http.Client) *localservice.Client {
	return localservice.New(localservice.Config{URL: a.cfg.EmbeddingService(), HTTPClient: shared})
}

// embedder returns the chosen embedding model, nil for none.
func (a *App) embedder(shared *http.Client) (llm.Embedder, error) {
	switch a.models.Embeddings.Provider {
	case config.OpenAI:
		return a.openAI(shared).Embedder(openai.EmbedConfig{
			Model: a.cfg.OpenAIEmbedding, Dimensions: a.cfg.VectorDimension,
		}), nil
	case config.Voyage:
		return a.voyage(shared).Embedder(voyage.EmbedConfig{
			Model: a.cfg.VoyageEmbedding, Dimensions: a.cfg.VectorDimension,
		}), nil
	case config.Local:
		return a.localService(shared), nil
	case config.MiniLM:
		return minilm.New(a.cfg.ModelDir, nil)
	}
	return nil, nil
}

func (a *App) generator(name string, shared *http.Client) llm.Generator {
	switch name {
	case config.OpenAI:
		return a.openAI(shared).Generator(openai.GenerateConfig{Model: a.cfg.OpenAIModel})
	case config.Local:
		local := openai.New(openai.Config{
			Name: config.Local, BaseURL: a.cfg.LocalBaseURL, APIKey: a.cfg.LocalKey.Reveal(), HTTPClient: shared,
		})
		return local.Generator(openai.GenerateConfig{Model: a.cfg.LocalModel})
	}
	return extract.New()
}

// reranker returns the chosen reranking model, nil for none.
func (a *App) reranker(shared *http.Client) llm.Reranker {
	switch a.models.Reranking.Provider {
	case config.OpenAI:
		return a.openAI(shared).Reranker(a.cfg.OpenAIModel)
	case config.Voyage:
		return a.voyage(shared).Reranker(a.cfg.VoyageModel)
	case config.Local:
		return a.localService(shared)
	}
	return nil
}

// providers lists the generators as people see them.
func (a *App) providers() []chat.Provider {
	labels := map[string]chat.Provider{
		config.OpenAI:     {Name: config.OpenAI, Label: "OpenAI", Model: a.cfg.OpenAIModel},
		config.Local:      {Name: config.Local, Label: "Local", Model: a.cfg.LocalModel},
		config.Extractive: {Name: config.Extractive, Label: "Extractive", Model: "quotations", Quotes: true},
	}
	out := make([]chat.Provider, len(a.models.Generators))
	for i, name := range a.models.Generators {
		out[i] = labels[name]
	}
	return out
}

// newParser returns the reader of documents. Its compiled PDF engine is kept in
// the user's cache folder; without one it is compiled anew at each start.
func newParser(cfg config.Config) *parse.Parser {
	o := parse.Options{MaxInput: cfg.MaxUploadBytes}
	if cache, err := os.UserCacheDir(); err == nil {
		o.CacheDir = filepath.Join(cache, "kvasir", "wazero")
	}
	return parse.New(o)
}

// read parses a document for ingest.
func (a *App) read(ctx context.Context, file memo.File, body io.ReaderAt) (string, error) {
	doc, err := a.parser.Parse(ctx, parse.Input{
		Name: file.Name, MIMEType: file.MIMEType, Content: body, Size: file.Size,
	})
	return doc.Text, err
}

// Install fetches the offline model into the configured folder and prepares the
// PDF engine. Progress tells the stage, and how many of how many bytes are done.
func Install(ctx context.Context, cfg config.Config, progress func(stage string, done, total int64)) error {
	if err := minilm.Install(ctx, cfg.ModelDir, progress); err != nil {
		return err
	}
	return Warm(ctx, cfg)
}

// Warm prepares the PDF engine, which takes seconds the first time.
func Warm(ctx context.Context, cfg config.Config) error {
	p := newParser(cfg)
	if err := p.Warm(ctx); err != nil {
		return err
	}
	return p.Close(ctx)
}
