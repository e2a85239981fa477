package extract

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kvasir/internal/conversation"
	"kvasir/internal/llm"
)

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

func TestUnitsLeaveOutWhatSaysNothing(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, text string
		want       []string
	}{
		{"headings by underline", "Title\n=====\n\nText.\n\nMore\n----\nLast.", []string{"Text.", "Last."}},
		{"links, pictures, addresses, tags", "[a](b) · [c](d)\n\n![p](q)\n\n<https://x.y>\n\nhttps://x.y/z\n\n<br>", nil},
		{"a link in a sentence stays", "See [a](b) first.", []string{"See [a](b) first."}},
		{"marks of quotation", "> It is said\n> to be so.", []string{"It is said to be so."}},
		{"code that goes on", "```sh\ncurl x \\\n  -d y \\\n  -d z\nls\n```", []string{`curl x \`, "ls"}},
		{"marks inside code", "~~~\n# no heading\n- no item\n~~~", []string{"# no heading", "- no item"}},
		{"a table without its head", "| a | b |\n|:--|--:|\n| 1 | 2 |\n| 3 | 4 |", []string{"| 1 | 2 |", "| 3 | 4 |"}},
		{"windows line ends", "One.\r\nTwo.\r\n\r\n- Three\r\n", []string{"One.", "Two.", "Three"}},
		{
			"a long item by sentence", "- Short one. " + strings.Repeat("Word ", 100) + "end. Last one.",
			[]string{"Short one.", strings.Repeat("Word ", 100) + "end.", "Last one."},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, u := range units(llm.Document{Text: tt.text}) {
				got = append(got, u.text)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("units of %q (-want +got):\n%s", tt.text, diff)
			}
		})
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add("What do ducks eat?", "# Ducks\n\n- Ducks eat seeds.\n```\ncode\n")
	f.Fuzz(func(t *testing.T, question, text string) {
		got := answer(question, []llm.Document{{Number: 1, Title: "T", Text: text}})
		if got != conversation.Refusal(question) && !strings.HasSuffix(got, " [[1]]") {
			t.Fatalf("an answer without its source: %q", got)
		}
	})
}
