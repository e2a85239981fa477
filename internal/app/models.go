package app

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"kvasir/internal/chat"
	"kvasir/internal/config"
	"kvasir/internal/dispatch"
	"kvasir/internal/ingest"
	"kvasir/internal/llm"
	"kvasir/internal/memo"
	"kvasir/internal/parse"
	"kvasir/internal/parse/worker"
	"kvasir/internal/provider/anthropic"
	"kvasir/internal/provider/cohere"
	"kvasir/internal/provider/exchange"
	"kvasir/internal/provider/extract"
	"kvasir/internal/provider/gemini"
	"kvasir/internal/provider/judge"
	"kvasir/internal/provider/localservice"
	"kvasir/internal/provider/minilm"
	"kvasir/internal/provider/openai"
	"kvasir/internal/provider/schema"
	"kvasir/internal/provider/voyage"
)

func minilmInstalled(dir string) bool { return minilm.Installed(dir) }

// newDispatch builds the lanes of the models in use.
func (a *App) newDispatch(ctx context.Context) (*dispatch.Scheduler, error) {
	cfg := dispatch.Config{
		Ledger:       a.store,
		SharedLedger: a.cfg.DatabaseURL != "",
		Budgets:      a.models.Budgets,
		Weights:      a.models.Weights,
		Observer:     a.observer,
		HedgeShare:   a.cfg.HedgeShare,
		Log:          a.log,
	}
	if a.cfg.HedgeShare == 0 {
		cfg.HedgeShare = -1 // off; 0 is dispatch's default
	}
	if a.cfg.VectorCacheBytes > 0 {
		cfg.Cache = a.store
	}
	with := adapters{http: exchange.NewHTTPClient(exchange.HTTPOptions{}), modelDir: a.cfg.ModelDir}
	var err error
	if cfg.Embed, cfg.Dimensions, err = a.space(ctx, with, a.models.Embed); err != nil {
		return nil, err
	}
	if cfg.Next, cfg.NextDimensions, err = a.space(ctx, with, a.models.Next); err != nil {
		return nil, err
	}
	if len(cfg.Embed) > 0 && len(cfg.Next) > 0 && cfg.Next[0].Embedder.Spec().Model == cfg.Embed[0].Embedder.Spec().Model {
		cfg.Next = nil // it is the one that there is
	}
	for i := range cfg.Next {
		cfg.Next[i].Key += "(next)" // one lane may have the name of another
	}
	for _, l := range a.models.Generate {
		g := with.generator(l)
		cfg.Generate = append(cfg.Generate, dispatch.GenerateLane{Lane: lane(l, g.Model()), Pool: l.Pool, Generator: g})
	}
	for _, l := range a.models.Rerank {
		r := with.reranker(l)
		cfg.Rerank = append(cfg.Rerank, dispatch.RerankLane{
			Lane: lane(l, r.Model()), Reranker: r, MaxDocuments: l.MaxDocuments,
		})
	}
	a.warnOfUnknownPrices(ctx)
	return dispatch.New(cfg), nil
}

// space makes the lanes of one space of vectors, and tells how long those are, if they
// are known.
func (a *App) space(
	ctx context.Context, with adapters, configured []config.Lane,
) (lanes []dispatch.EmbedLane, dimensions int, err error) {
	if lanes, err = with.embedLanes(configured); err != nil || len(lanes) == 0 {
		return nil, 0, err
	}
	if dimensions, err = a.store.Dimension(ctx, lanes[0].Embedder.Spec().Model); err != nil {
		return nil, 0, fmt.Errorf("read the model's dimension: %w", err)
	}
	return lanes, dimensions, nil
}

// warnOfUnknownPrices tells which models no budget sees.
func (a *App) warnOfUnknownPrices(ctx context.Context) {
	if len(a.models.Budgets) == 0 {
		return
	}
	for _, l := range slices.Concat(a.models.Embed, a.models.Next, a.models.Generate, a.models.Rerank) {
		if !l.Priced {
			a.log.WarnContext(ctx, "no price is known: budgets do not see what the model costs",
				"provider", l.Provider+l.KeyName, "model", l.Model)
		}
	}
}

// lane turns a configured lane into dispatch's. Where the configuration names no
// model, the adapter's name for it stands.
func lane(l config.Lane, model string) dispatch.Lane {
	return dispatch.Lane{
		Provider:  l.Provider,
		Key:       l.KeyName,
		Model:     cmp.Or(l.Model, model),
		Tier:      l.Tier,
		Local:     l.Protocol == config.MiniLM || l.Protocol == config.Extractive,
		Limits:    dispatch.Limits(l.Limits),
		Price:     l.Price,
		FastModel: l.FastModel,
		FastPrice: l.FastPrice,
	}
}

// Adapters are made of what all of them share.
type adapters struct {
	http     *http.Client
	modelDir string // of minilm
}

// embedLanes makes the embedding lanes. Their vectors are of one space, which is
// named after the first.
func (s adapters) embedLanes(configured []config.Lane) ([]dispatch.EmbedLane, error) {
	lanes := make([]dispatch.EmbedLane, len(configured))
	space := ""
	for i, l := range configured {
		if i == 0 && l.Provider != l.Protocol {
			// A provider may be called otherwise, and its vectors stay good.
			plain := l
			plain.Provider = l.Protocol
			e, _, err := s.embedder(plain, "")
			if err != nil {
				return nil, err
			}
			space = e.Spec().Model
		}
		e, model, err := s.embedder(l, space)
		if err != nil {
			return nil, err
		}
		space = cmp.Or(space, e.Spec().Model)
		lanes[i] = dispatch.EmbedLane{Lane: lane(l, model), Embedder: e}
	}
	return lanes, nil
}

// embedder returns an embedding model, and what to call it if it has no name.
func (s adapters) embedder(l config.Lane, space string) (_ llm.Embedder, model string, err error) {
	switch l.Protocol {
	case config.Gemini:
		return s.gemini(l).Embedder(gemini.EmbedConfig{
			Model: l.Model, Served: l.ServedAs, Identity: space, Dimensions: l.Dimensions,
		}), "", nil
	case config.Voyage:
		return s.voyage(l).Embedder(voyage.EmbedConfig{
			Model: l.Model, Served: l.ServedAs, Identity: space, Dimensions: l.Dimensions,
		}), "", nil
	case config.Service:
		c := s.service(l)
		return c, c.Model(), nil
	case config.MiniLM:
		e, err := minilm.New(s.modelDir, nil)
		if err != nil {
			return nil, "", err
		}
		model, _, _ = strings.Cut(strings.TrimPrefix(e.Spec().Model, "minilm/"), "@")
		return e, model, nil
	}
	return s.openAI(l).Embedder(openai.EmbedConfig{
		Model: l.Model, Served: l.ServedAs, Identity: space, Dimensions: l.Dimensions,
	}), "", nil
}

func (s adapters) generator(l config.Lane) llm.Generator {
	switch l.Protocol {
	case config.Anthropic:
		return anthropic.New(anthropic.Config{
			Name: l.Provider, BaseURL: l.BaseURL, APIKey: l.Key.Reveal(), HTTPClient: s.http,
		}).Generator(anthropic.GenerateConfig{
			Model: l.Model, Served: l.ServedAs, FastModel: l.FastModel, JSON: jsonMode(l),
		})
	case config.Gemini:
		return s.gemini(l).Generator(gemini.GenerateConfig{
			Model: l.Model, Served: l.ServedAs, FastModel: l.FastModel, JSON: jsonMode(l),
		})
	case config.Extractive:
		return extract.New()
	}
	return s.openAI(l).Generator(openai.GenerateConfig{
		Model: l.Model, Served: l.ServedAs, FastModel: l.FastModel, JSON: jsonMode(l),
	})
}

// jsonMode returns how the lane's model is held to a schema.
func jsonMode(l config.Lane) schema.Mode {
	if l.JSONMode == config.JSONBySchema {
		return schema.Full
	}
	return schema.Mode(l.JSONMode)
}

func (s adapters) reranker(l config.Lane) llm.Reranker {
	served := cmp.Or(l.ServedAs, l.Model)
	switch l.Protocol {
	case config.Voyage:
		return s.voyage(l).Reranker(served)
	case config.Cohere:
		return s.cohere(l, cohere.Cohere).Reranker(served)
	case config.Jina:
		return s.cohere(l, cohere.Jina).Reranker(served)
	case config.TEI:
		return s.cohere(l, cohere.TEI).Reranker(served)
	case config.Service:
		return s.service(l)
	}
	return judge.New(l.Provider, s.generator(l))
}

// openAI returns a client of OpenAI, of a compatible server, or of Azure.
func (s adapters) openAI(l config.Lane) *openai.Client {
	return openai.New(openai.Config{
		Name: l.Provider, BaseURL: l.BaseURL, APIKey: l.Key.Reveal(), HTTPClient: s.http,
		Azure: l.Protocol == config.Azure, APIVersion: l.APIVersion,
	})
}

func (s adapters) gemini(l config.Lane) *gemini.Client {
	return gemini.New(gemini.Config{
		Name: l.Provider, BaseURL: l.BaseURL, APIKey: l.Key.Reveal(), HTTPClient: s.http,
	})
}

func (s adapters) voyage(l config.Lane) *voyage.Client {
	return voyage.New(voyage.Config{BaseURL: l.BaseURL, APIKey: l.Key.Reveal(), HTTPClient: s.http})
}

func (s adapters) cohere(l config.Lane, dialect cohere.Dialect) *cohere.Client {
	return cohere.New(cohere.Config{
		Name: l.Provider, Dialect: dialect, BaseURL: l.BaseURL, APIKey: l.Key.Reveal(), HTTPClient: s.http,
	})
}

func (s adapters) service(l config.Lane) *localservice.Client {
	return localservice.New(localservice.Config{URL: l.BaseURL, HTTPClient: s.http})
}

// providers lists the generators that requests may ask for as people see them,
// each by the model of its first lane.
func (a *App) providers() []chat.Provider {
	labels := map[string]string{
		config.OpenAI: "OpenAI", config.Anthropic: "Anthropic", config.Gemini: "Gemini", config.Groq: "Groq",
		config.Local: "Local", config.Extractive: "Extractive",
	}
	var out []chat.Provider
	for _, l := range a.models.Generate {
		if slices.ContainsFunc(out, func(p chat.Provider) bool { return p.Name == l.Pool }) {
			continue
		}
		p := chat.Provider{Name: l.Pool, Label: cmp.Or(labels[l.Pool], l.Pool), Model: l.Model}
		if l.Protocol == config.Extractive {
			p.Model, p.Quotes = "quotations", true
		}
		out = append(out, p)
	}
	return out
}

// readingLimits returns what the reading of a document may take. The compiled PDF
// engine is kept in the user's cache folder, which all processes share; without one
// each of them compiles it anew.
func readingLimits(cfg *config.Config) parse.Options {
	o := parse.Options{
		MaxInput:     cfg.MaxUploadBytes,
		MaxText:      int(cfg.MaxTextBytes),
		MaxPages:     cfg.MaxPages,
		MaxUnpacked:  cfg.MaxUnpackedBytes,
		MaxNested:    cfg.MaxNested,
		Timeout:      cfg.ParseTimeout,
		NoOCR:        cfg.OCR == config.Off,
		OCRLanguages: cfg.OCRLanguages,
		OCRTimeout:   cfg.OCRTimeout,
	}
	if cache, err := os.UserCacheDir(); err == nil {
		o.CacheDir = filepath.Join(cache, "kvasir", "wazero")
	}
	return o
}

// newReaders returns the readers of documents. They are processes of their own,
// unless the configuration says otherwise or this program cannot be one.
func newReaders(cfg *config.Config, spool string) *worker.Pool {
	o := worker.Options{
		Parse: readingLimits(cfg), Workers: cfg.ParseWorkers, Memory: cfg.ParseMemory, TempDir: spool,
	}
	if cfg.ParseIsolation != config.Off {
		o.Command = cfg.ReaderCommand
	}
	return worker.New(o)
}

// read parses a document for ingest.
func (a *App) read(
	ctx context.Context, file memo.File, body ingest.Original, progress func(done, total int),
) (memo.Parsed, error) {
	return a.parser.Parse(ctx, parse.Input{
		Name: file.Name, MIMEType: file.MIMEType, Content: body, Size: file.Size, Path: body.Path(), Progress: progress,
	})
}

// writer returns the generator that enriches memos and understands questions: the
// first that does not only quote, or none.
func (a *App) writer() string {
	for _, p := range a.providers() {
		if !p.Quotes {
			return p.Name
		}
	}
	return ""
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
	p := parse.New(readingLimits(&cfg))
	if err := p.Warm(ctx); err != nil {
		return err
	}
	return p.Close(ctx)
}
