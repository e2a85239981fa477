package cli

import (
	"strings"
	"testing"
)

// The reader of documents is for the server: help does not show it, and without a
// server it says what it lacks.
func TestParseWorker(t *testing.T) {
	t.Parallel()
	if r := command(t.Context(), nil, "--help").succeed(t); strings.Contains(r.stdout, parseWorker) {
		t.Errorf("help shows %s", parseWorker)
	}
	r := command(t.Context(), nil, parseWorker)
	if r.status != exitFailed || !strings.Contains(r.stderr, "read setup") {
		t.Errorf("status %d, %q", r.status, r.stderr)
	}
}
