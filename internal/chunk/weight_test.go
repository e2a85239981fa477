package chunk

import (
	"strings"
	"testing"
)

func TestWeigh(t *testing.T) {
	t.Parallel()
	tests := []struct {
		text  string
		words int
	}{
		{"", 0},
		{" \n\t\u00a0", 0},
		{"one two three", 3},
		{"don't it’s", 2},
		{"snake_case_name x2", 2},
		{"Grüße aus Köln", 3},
		{"Привет мир", 2},
		{"안녕하세요 세계", 2},
		{strings.Repeat("a", 16+24), 3},
		{strings.Repeat("世", 24), 14},
		{strings.Repeat("ก", 40), 10},
		{"one, two; (three)", 3},
		{"😀😀", 1},
		{"\xff\xff", 1},
	}
	for _, test := range tests {
		if got := weigh(test.text) / perWord; got != test.words {
			t.Errorf("weigh(%.40q) = %d words, want %d", test.text, got, test.words)
		}
	}
}

func TestEstimateTokensErrsOnTheHighSide(t *testing.T) {
	t.Parallel()
	// What OpenAI's o200k and BERT's WordPiece give, the higher of the two.
	tests := []struct {
		text   string
		tokens int
	}{
		{"The quick brown fox jumps over the lazy dog.", 10},
		{"Internationalization is extraordinarily uncharacteristic.", 8},
		{"SELECT id, name FROM users WHERE age > 21;", 14},
		{"机器学习是人工智能的一个分支。", 15},
		{"user_id=42&token=abcdef0123456789", 15},
		{"😀", 1},
		{"", 0},
	}
	for _, test := range tests {
		got := estimateTokens(test.text)
		if got < test.tokens || got > 2*test.tokens+2 {
			t.Errorf("estimateTokens(%q) = %d, want %d or somewhat more", test.text, got, test.tokens)
		}
	}
}
