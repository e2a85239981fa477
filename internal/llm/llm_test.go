package llm_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"kvasir/internal/llm"
)

func TestErrorNamesProviderClassAndCause(t *testing.T) {
	t.Parallel()
	cause := errors.New("connection reset")
	err := fmt.Errorf("embed: %w", &llm.Error{
		Class: llm.ClassSick, Provider: "openai", Status: 502, Message: "bad gateway", Err: cause,
	})
	want := "embed: openai: sick upstream (HTTP 502): bad gateway: connection reset"
	if err.Error() != want {
		t.Errorf("Error() = %q, want %q", err, want)
	}
	if got := llm.ClassOf(err); got != llm.ClassSick {
		t.Errorf("ClassOf = %q, want %q", got, llm.ClassSick)
	}
	if !errors.Is(err, cause) {
		t.Error("the cause is not in the chain")
	}
	if got := llm.ClassOf(cause); got != "" {
		t.Errorf("ClassOf(no provider error) = %q, want none", got)
	}
}

func TestEstimateTokensErrsHigh(t *testing.T) {
	t.Parallel()
	// Counts of all-MiniLM's tokenizer, which is among the finer ones for English
	// prose; the estimate must not be below nine tenths of them.
	tests := []struct {
		text   string
		tokens int
	}{
		{"", 0},
		{"Ducks are birds.", 4},
		{strings.Repeat("The quick brown fox jumps over the lazy dog. ", 20), 200},
		{"鸭子是鸟类。", 6},
	}
	for _, tt := range tests {
		if got := llm.EstimateTokens(tt.text); got < tt.tokens*9/10 {
			t.Errorf("EstimateTokens(%.20q) = %d, want at least %d", tt.text, got, tt.tokens)
		}
	}
}
