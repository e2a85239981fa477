package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"kvasir"
	"kvasir/client"
	"kvasir/internal/app"
	"kvasir/internal/config"
	"kvasir/internal/provider/minilm"
)

// An upCommand sets up everything and serves.
type upCommand struct {
	Config config.Config `embed:""`
}

// Help tells what happens.
func (upCommand) Help() string {
	return `Installs the offline model if it can, serves the API, loads this program's own
documentation as a sample if there are no memos yet, and asks a first question.
Ctrl-C stops it. The next start finds everything again.

Examples:

    kvasir up
    kvasir up --listen 127.0.0.1:9000 --data DIR`
}

const (
	// firstQuestion is asked of the sample.
	firstQuestion = "How does a memo become searchable?"

	sampleSource = "kvasir-docs"
	sampleRef    = sampleSource + "/"

	// keyFile keeps, in the data folder, the key that up has been given: the
	// server itself keeps only the key's hash.
	keyFile = "api-key"
)

// Run sets up, serves and shows.
func (c *upCommand) Run(ctx context.Context, s *session) error {
	if err := s.installIfWanted(ctx, &c.Config); err != nil {
		return err
	}
	if err := c.recallKey(); err != nil {
		return err
	}
	err := s.serve(ctx, &c.Config, func(ctx context.Context, a *app.App) error {
		if err := c.rememberKey(a); err != nil {
			return err
		}
		return c.show(ctx, s, a)
	})
	if err == nil {
		s.err.printf("Stopped. Everything is kept in %s\n", c.Config.Data)
	}
	return err
}

// installIfWanted installs the offline model if search would be by words alone
// without anybody having asked for that. A failure is told, and is none.
func (s *session) installIfWanted(ctx context.Context, cfg *config.Config) error {
	m, err := cfg.Models(minilm.Installed(cfg.ModelDir))
	minilmAsked := cfg.EmbeddingProvider == config.MiniLM && !minilm.Installed(cfg.ModelDir)
	if !minilmAsked && (err != nil || m.Embeddings.Provider != config.None || cfg.EmbeddingProvider != "") {
		return nil // app tells of faults
	}
	err = s.install(ctx, cfg)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		s.err.printf("%v\n", err)
		if !minilm.Installed(cfg.ModelDir) {
			s.err.printf("Search is by words alone until kvasir model install succeeds.\n")
		}
	}
	return nil
}

// recallKey takes the key that an earlier start was given.
func (c *upCommand) recallKey() error {
	if c.Config.APIKey != "" {
		return nil
	}
	raw, err := os.ReadFile(filepath.Join(c.Config.Data, keyFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	c.Config.APIKey = config.Secret(strings.TrimSpace(string(raw)))
	return err
}

// rememberKey keeps a key that was just made, for this user's eyes only.
func (c *upCommand) rememberKey(a *app.App) error {
	key := a.NewKey()
	if key.IsZero() {
		return nil
	}
	c.Config.APIKey = config.Secret(key.Reveal())
	name := filepath.Join(c.Config.Data, keyFile)
	if err := os.WriteFile(name, []byte(key.Reveal()+"\n"), 0o600); err != nil {
		return fmt.Errorf("keep the API key: %w", err)
	}
	return nil
}

// show prints where the server is, loads the sample, and asks about it. What
// goes wrong with that is told; the server goes on.
func (c *upCommand) show(ctx context.Context, s *session, a *app.App) error {
	s.out.printf("%s\n", s.out.bold("Kvasir serves at "+a.URL()))
	s.out.printf("API documentation: %s/docs\n", a.URL())
	if c.Config.APIKey == "" {
		s.out.printf("API key: the one that was printed when this data folder was made\n")
		return nil
	}
	s.out.printf("API key: %s\n\n", c.Config.APIKey.Reveal())
	v := server{URL: a.URL(), Key: c.Config.APIKey}
	if err := s.demonstrate(ctx, v.client(s)); err != nil {
		if ctx.Err() != nil {
			return nil // the server says that it stops
		}
		s.err.printf("%s %s\n", s.err.red("The sample:"), explain(err))
	}
	s.out.printf("\nTry in another terminal:\n\n"+
		"  export KVASIR_API_KEY=%s\n", c.Config.APIKey.Reveal())
	if a.URL() != client.DefaultURL {
		s.out.printf("  export KVASIR_URL=%s\n", a.URL())
	}
	s.out.printf("  kvasir add FILE|FOLDER…\n  kvasir ask %q\n\n", "What is in my files?")
	s.err.printf("Ctrl-C stops the server.\n")
	return nil
}

// demonstrate loads the sample into an empty project, or brings it up to date,
// and asks a question if anything is new.
func (s *session) demonstrate(ctx context.Context, c *client.Client) error {
	sync := &syncer{client: c, session: s, jobs: 8}
	if err := sync.learn(ctx); err != nil {
		return err
	}
	items, err := sample(kvasir.Docs)
	if err != nil {
		return err
	}
	page, err := c.ListMemos(ctx, client.PageRequest{Size: 1})
	if err != nil {
		return err
	}
	if _, loaded := sync.known[items[0].ref]; page.Count > 0 && !loaded {
		s.out.printf("There are %d memos.\n", page.Count)
		return nil
	}
	r := &report{}
	r.take(sync.upload(ctx, "Loading the sample: Kvasir's own documentation,", items))
	sync.wait(ctx, "Processing", r.Files)
	r.count()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	for _, f := range r.Files {
		if f.Error != "" {
			return fmt.Errorf("%s: %s", f.Path, f.Error)
		}
	}
	s.out.printf("Sample: %s\n", r)
	if len(r.Files) == 0 {
		return nil
	}
	s.out.printf("\n%s\n", s.out.bold("> "+firstQuestion))
	_, err = s.ask(ctx, c, client.ChatRequest{
		Query: firstQuestion, RAG: &client.RAGConfig{References: &client.Toggle{Enabled: true}},
	})
	return err
}

// sample returns the documents of a file system as items.
func sample(docs fs.FS) ([]item, error) {
	var items []item
	err := fs.WalkDir(docs, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		items = append(items, item{
			path: name, name: path.Base(name), ref: sampleRef + name, source: sampleSource,
			metadata: map[string]any{"path": name},
			open:     func() (io.ReadCloser, error) { return docs.Open(name) },
		})
		return nil
	})
	return items, err
}
