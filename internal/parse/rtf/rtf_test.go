package rtf

import (
	"strings"
	"testing"

	"kvasir/internal/memo"
)

// read reads a document.
func read(t *testing.T, text string, limits Limits) (memo.Parsed, error) {
	t.Helper()
	return Read(t.Context(), strings.NewReader(text), int64(len(text)), limits)
}

func TestRead(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, rtf, want string }{
		{"a paragraph", `{\rtf1\ansi Hello {\b world}\par}`, "Hello world\n"},
		{"a heading", `{\rtf1{\pard\outlinelevel1 Tea\par}{\pard Dry.\par}}`, "## Tea\n\nDry.\n"},
		{"code pages", `{\rtf1\ansi\ansicpg1251 \'cf\'f0\'e8}`, "При\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := read(t, test.rtf, Limits{})
			if err != nil || got.Text != test.want {
				t.Errorf("Read = %q, %v, want %q", got.Text, err, test.want)
			}
		})
	}
}
