package test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"kvasir/internal/provider/minilm"
)

// TestEvalCatchesWorseSearch runs kvasir eval on a generated collection with the
// offline model, as CI does before a change of ranking is taken. The floors are a
// little below what is reached; words alone do not reach them, so that a collection on
// which nothing can go wrong would be noticed.
//
// The binary is built for it, without the race detector, under which the model is slow.
func TestEvalCatchesWorseSearch(t *testing.T) {
	t.Parallel()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	if model := filepath.Join(cache, "kvasir", "models", "minilm"); !minilm.Installed(model) {
		t.Skip("the offline model is not in " + model + ": kvasir model install")
	}
	dir := t.TempDir()
	binary := filepath.Join(dir, "kvasir")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "../cmd/kvasir")
	build.Env = append(build.Environ(), "CGO_ENABLED=0") // as it is released
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v: %s", err, out)
	}
	folder := filepath.Join(dir, "reports")
	writeCollection(t, folder)
	floors := []string{"--fail-under=ndcg@10=0.92", "--fail-under=recall@10=0.96"}
	run := func(environment ...string) (status int, stdout, stderr string) {
		eval := exec.CommandContext(t.Context(), binary, append([]string{"eval", folder}, floors...)...)
		var out, log bytes.Buffer
		eval.Stdout, eval.Stderr = &out, &log
		eval.Env = append([]string{"HOME=" + dir, "XDG_CACHE_HOME=" + cache, "TMPDIR=" + dir}, environment...)
		var exit *exec.ExitError
		if err := eval.Run(); err != nil && !errors.As(err, &exit) {
			t.Fatal(err)
		}
		return eval.ProcessState.ExitCode(), out.String(), log.String()
	}
	status, stdout, stderr := run("EMBEDDING_PROVIDER=minilm")
	t.Logf("with the offline model:\n%s", stdout)
	if status != 0 {
		t.Errorf("search became worse, or eval broke; exit status %d:\n%s", status, stderr)
	}
	status, stdout, stderr = run("EMBEDDING_PROVIDER=none")
	t.Logf("by words alone:\n%s", stdout)
	if status != 1 || !strings.Contains(stderr, "failed ndcg@10 is 0.") {
		t.Errorf("words alone are as good; exit status %d:\n%s", status, stderr)
	}
}
