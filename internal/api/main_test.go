package api

import (
	"log/slog"
	"testing"

	"go.uber.org/goleak"

	"kvasir/internal/api/wiretest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// quiet logs to the test's own output.
func quiet(t testing.TB) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), nil))
}

func TestWire(t *testing.T) {
	t.Parallel()
	wiretest.Run(t, serve(t, (&backend{}).config(t)), testKey)
}
