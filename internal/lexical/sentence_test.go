package lexical

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
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
		{"Wait... what? Really?! Yes.", []string{"Wait... what? ", "Really?! ", "Yes."}},
		{"It costs 3.50 EUR. Edit config.yaml. Done.", []string{"It costs 3.50 EUR. ", "Edit config.yaml. ", "Done."}},
		{"See Dr. Who, e.g. Mars. J. Doe came.", []string{"See Dr. Who, e.g. Mars. ", "J. Doe came."}},
		{"In the U.S. Army (cf. Fig. 3) he served.", []string{"In the U.S. Army (cf. Fig. 3) he served."}},
		{"Version 2. It works.", []string{"Version 2. ", "It works."}},
		{"Am 3. Oktober war es z.B. Montag. Ja.", []string{"Am 3. Oktober war es z.B. Montag. ", "Ja."}},
		{`He said "Go." Then (he left.) **Bold.** End`, []string{`He said "Go." `, "Then (he left.) ", "**Bold.** ", "End"}},
		{"Go 1.26. v1.2.3 is out.", []string{"Go 1.26. v1.2.3 is out."}}, // a small letter begins no sentence
		{"鸭子是鸟。它们吃草！好吗？", []string{"鸭子是鸟。", "它们吃草！", "好吗？"}},
		{"彼は「はい。」と言った。次。", []string{"彼は「はい。」", "と言った。", "次。"}},
		{"هل هو؟ نعم.", []string{"هل هو؟ ", "نعم."}},
		{"यह है। वह है।", []string{"यह है। ", "वह है।"}},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, slices.Collect(Sentences(tt.text))); diff != "" {
			t.Errorf("Sentences(%q) (-want +got):\n%s", tt.text, diff)
		}
	}
}

func FuzzSentences(f *testing.F) {
	for _, seed := range []string{
		"", "One. Two.", "3.5 e.g. x. 鸭。", "\xff. \xff", "... !?", ". . .", "a.\u00a0B.", "「。」",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var b strings.Builder
		for s := range Sentences(text) {
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
