package extract

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kvasir/internal/llm"
)

func TestSentences(t *testing.T) {
	t.Parallel()
	tests := []struct {
		text string
		want []string
	}{
		{"", nil},
		{"One", []string{"One"}},
		{"One. Two! Three? Four", []string{"One. ", "Two! ", "Three? ", "Four"}},
		{"It costs 3.50 EUR. Edit config.yaml. Done.", []string{"It costs 3.50 EUR. ", "Edit config.yaml. ", "Done."}},
		{"See Dr. Who, e.g. on Mars. J. Doe came.", []string{"See Dr. Who, e.g. on Mars. ", "J. Doe came."}},
		{"Version 2. It works.", []string{"Version 2. ", "It works."}},
		{"鸭子是鸟。它们吃草！好吗？", []string{"鸭子是鸟。", "它们吃草！", "好吗？"}},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, slices.Collect(sentences(tt.text))); diff != "" {
			t.Errorf("sentences(%q) (-want +got):\n%s", tt.text, diff)
		}
	}
}

func TestUnits(t *testing.T) {
	t.Parallel()
	text := "# Title\n\nFirst line\nof a paragraph. Second.\n\n1. An item\n   goes on.\n- [x] Done.\n\n" +
		"```\ncode here\n```\n| a | b |\n|---|---|\n| 1 | 2 |\n\n[link](http://x)\n┌──┐\n## Below\nLast."
	want := []unit{
		{number: 7, text: "First line of a paragraph.", about: "Doc\nTitle"},
		{number: 7, text: "Second.", about: "Doc\nTitle\nFirst line of a paragraph."},
		{number: 7, text: "An item goes on.", about: "Doc\nTitle", form: item},
		{number: 7, text: "Done.", about: "Doc\nTitle", form: item},
		{number: 7, text: "code here", about: "Doc\nTitle", form: code},
		{number: 7, text: "| 1 | 2 |", about: "Doc\nTitle\n| a | b |", form: row},
		{number: 7, text: "Last.", about: "Doc\nBelow"},
	}
	got := units(llm.Document{Number: 7, Title: "Doc", Text: text})
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(unit{})); diff != "" {
		t.Errorf("units (-want +got):\n%s", diff)
	}
}

func FuzzSentences(f *testing.F) {
	for _, seed := range []string{"", "One. Two.", "3.5 e.g. x. 鸭。", "\xff. \xff", "... !?", ". . ."} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var b strings.Builder
		for s := range sentences(text) {
			if s == "" {
				t.Fatalf("an empty sentence in %q", text)
			}
			b.WriteString(s)
		}
		if b.String() != text {
			t.Fatalf("sentences of %q join to %q", text, b.String())
		}
	})
}

func FuzzAnswer(f *testing.F) {
	f.Add("What do ducks eat?", "# Ducks\n\n- Ducks eat seeds.\n```\ncode\n")
	f.Fuzz(func(t *testing.T, question, text string) {
		got := answer(question, []llm.Document{{Number: 1, Title: "T", Text: text}})
		if got != NotFound && !strings.HasSuffix(got, " [[1]]") {
			t.Fatalf("an answer without its source: %q", got)
		}
	})
}
