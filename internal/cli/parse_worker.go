package cli

import (
	"context"
	"os"

	"kvasir/internal/parse/worker"
)

// A parseWorkerCommand reads documents for the server that has started it. People do
// not run it, so help does not show it.
type parseWorkerCommand struct{}

// parseWorker is its name.
const parseWorker = "parse-worker"

// Run reads documents until stdin ends.
func (parseWorkerCommand) Run(ctx context.Context, s *session) error {
	return worker.Serve(ctx, s.Stdin, s.Stdout)
}

// readerCommand returns how this program is started to read documents, nil if that
// is not known.
func readerCommand() []string {
	program, err := os.Executable()
	if err != nil {
		return nil
	}
	return []string{program, parseWorker}
}
