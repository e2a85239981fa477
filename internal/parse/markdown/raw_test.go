package markdown

import (
	"strings"
	"testing"
)

func TestDeeper(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, text, want string }{
		{"headings", "# a\n\n##### b\n\n###### c\n", "## a\n\n###### b\n\n###### c\n"},
		{"no headings", "#tag\n\n####### x\n\na # b", "#tag\n\n####### x\n\na # b"},
		{"code", "````sh\n# a\n```\n# b\n````\n# c", "````sh\n# a\n```\n# b\n````\n## c"},
		{"another fence inside", "~~~\n```\n# a\n~~~\n# b", "~~~\n```\n# a\n~~~\n## b"},
		{"underlined", "a\n===\n\n===\nb\n---", "a\n---\n\n===\nb\n---"},
		{"nothing", "", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := Deeper(test.text); got != test.want {
				t.Errorf("Deeper(%q) = %q, want %q", test.text, got, test.want)
			}
		})
	}
}

func TestMarkdown(t *testing.T) {
	t.Parallel()
	var w Writer
	w.Item(0, "-", "a")
	w.Markdown("\n  # b\n\n")
	w.Markdown(" \n")
	if got, want := w.String(), "- a\n\n  # b\n"; got != want {
		t.Errorf("String() = %q, want %q", got, want)
	}
	if w.Max = 10; w.Over {
		t.Error("over before anything was too long")
	}
	if w.Markdown(strings.Repeat("x", 10)); !w.Over {
		t.Error("not over after a block that is too long")
	}
}

func TestFence(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]string{"": "```", "a``b": "```", "```": "````", "`a````": "`````"} {
		if got := Fence(code); got != want {
			t.Errorf("Fence(%q) = %q, want %q", code, got, want)
		}
	}
	if n := len(Fence(strings.Repeat("`", 10<<20))); n != 10<<20+1 {
		t.Errorf("a fence of %d marks", n)
	}
}
