package test

import (
	"encoding/json"
	"os/exec"
	"slices"
	"testing"

	"kvasir/internal/testenv"
)

// TestServersAreMeasured runs every scenario on both databases with next to no work.
func TestServersAreMeasured(t *testing.T) {
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), "kvasir", "bench", "server", "--scale", "0.01", "--json",
		"--database-url", testenv.Postgres(t).Database(t))
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var reports []struct {
		Scenario   string
		Conditions []string
		Figures    []struct {
			Name     string
			Measured *float64
		}
	}
	if err := json.Unmarshal(out, &reports); err != nil {
		t.Fatal(err)
	}
	var ran []string
	for _, r := range reports {
		ran = append(ran, r.Scenario+" "+r.Conditions[0])
		for _, f := range r.Figures {
			if f.Measured == nil {
				t.Errorf("%s: %s was not measured", r.Scenario, f.Name)
			}
		}
	}
	var want []string
	for _, s := range []string{"start", "accept", "ingest", "errors", "search", "chat"} {
		want = append(want, s+" on SQLite", s+" on PostgreSQL")
	}
	if !slices.Equal(ran, want) {
		t.Errorf("ran %q", ran)
	}
}
