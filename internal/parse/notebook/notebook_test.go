package notebook

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"kvasir/internal/fault"
	"kvasir/internal/memo"
)

// table is a reader of HTML that knows one table.
func table(_ context.Context, r io.Reader, _ string) (memo.Parsed, error) {
	page, err := io.ReadAll(r)
	if err != nil || !strings.Contains(string(page), "<td>1</td>") {
		return memo.Parsed{}, fault.New(fault.Invalid, "The page cannot be read")
	}
	return memo.Parsed{Text: "| a |\n| --- |\n| 1 |\n"}, nil
}

func read(t testing.TB, data string, limits Limits) (memo.Parsed, error) {
	t.Helper()
	return Read(t.Context(), strings.NewReader(data), int64(len(data)), limits, table)
}

// cells returns a notebook of format 4.
func cells(cells ...string) string {
	return `{"nbformat": 4, "nbformat_minor": 5, "metadata": {"language_info": {"name": "python"}}, "cells": [` +
		strings.Join(cells, ",") + `]}`
}

func code(source, outputs string) string {
	return `{"cell_type": "code", "source": ` + source + `, "outputs": [` + outputs + `]}`
}

func TestRead(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, data, want string }{
		{"text", cells(`{"cell_type": "markdown", "source": ["# Title\n", "and *text*"]}`), "# Title\nand *text*\n"},
		{"code", cells(code(`"# no heading\nprint(1)"`, "")), "```python\n# no heading\nprint(1)\n```\n"},
		{"code with a fence", cells(code("\"'''\\n```\\n'''\"", "")), "````python\n'''\n```\n'''\n````\n"},
		{
			"what it printed", cells(code(`"x"`, `{"output_type": "stream", "name": "stdout", "text": ["1\n", "2\n"]}`)),
			"```python\nx\n```\n\n```\n1\n2\n```\n",
		},
		{
			"a progress bar", cells(code(`""`, `{"output_type": "stream", "text": "10%\r50%\r100%\ndone\r\n"}`)),
			"```\n100%\ndone\n```\n",
		},
		{
			"a table", cells(code(`""`, `{"output_type": "execute_result", "data": {"text/plain": "a\n1",
				"text/html": ["<table>", "<tr><td>1</td></tr></table>"]}}`)),
			"| a |\n| --- |\n| 1 |\n",
		},
		{
			"a table that cannot be read", cells(code(`""`, `{"output_type": "execute_result",
				"data": {"text/plain": "a  1", "text/html": "<table></table>"}}`)),
			"```\na  1\n```\n",
		},
		{
			"Markdown that was shown", cells(code(`""`, `{"output_type": "display_data", "data": {"text/markdown": "**x**"}}`)),
			"**x**\n",
		},
		{
			"a picture", cells(code(`"plot()"`, `{"output_type": "display_data", "data": {"image/png": "iVBORw0KGgo=",
				"text/plain": "<Figure size 640x480>"}}`)),
			"```python\nplot()\n```\n",
		},
		{
			"an error", cells(code(`"x"`, `{"output_type": "error", "ename": "NameError", "evalue": "x",
				"traceback": ["\u001b[0;31mNameError\u001b[0m: name 'x'"]}`)),
			"```python\nx\n```\n\n```\nNameError: name 'x'\n```\n",
		},
		{
			"an error without its way", cells(code(`"x"`, `{"output_type": "error", "ename": "NameError", "evalue": "x"}`)),
			"```python\nx\n```\n\n```\nNameError: x\n```\n",
		},
		{"pictures in the text", cells(`{"cell_type": "markdown", "source": "a ![x](data:image/png;base64,QUJD) b data: c"}`),
			"a ![x]() b data: c\n"},
		{
			"a block of code that stays open", cells(`{"cell_type": "markdown", "source": "~~~\nx"}`,
				`{"cell_type": "markdown", "source": "y"}`),
			"~~~\nx\n~~~\n\ny\n",
		},
		{"raw text", cells(`{"cell_type": "raw", "source": "# x"}`), "\\# x\n"},
		{
			"format 3", `{"nbformat": 3, "metadata": {"name": ""}, "worksheets": [{"cells": [
				{"cell_type": "heading", "level": 2, "source": ["Part"]},
				{"cell_type": "code", "language": "julia", "input": ["1 + 1"], "outputs": [
					{"output_type": "pyout", "text": ["2"]}, {"output_type": "display_data", "png": "iVBO", "text": "<Figure>"},
					{"output_type": "pyerr", "traceback": ["oops"]}, {"output_type": "pyout", "html": "<table><td>1</td></table>"}]}]}]}`,
			"## Part\n\n```julia\n1 + 1\n```\n\n```\n2\n```\n\n```\noops\n```\n\n| a |\n| --- |\n| 1 |\n",
		},
		{"what is no text", cells(`{"cell_type": "markdown", "source": 5}`, `{"cell_type": "markdown", "source": "x"}`), "x\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := read(t, test.data, Limits{})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got.Text); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestParts(t *testing.T) {
	t.Parallel()
	got, err := read(t, cells(`{"cell_type": "markdown", "source": "# Title"}`, code(`""`, ""), code(`"x = 1"`, "")), Limits{})
	want := memo.Parsed{
		Title: "Title", Text: "# Title\n\n```python\nx = 1\n```\n",
		Parts: []memo.Part{{Kind: memo.PartCell, Number: 1, Start: 0, End: 9}, {Kind: memo.PartCell, Number: 3, Start: 9,
			End: 29}},
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestLongOutputIsCut(t *testing.T) {
	t.Parallel()
	got, err := read(t, cells(code(`""`, `{"output_type": "stream", "text": "`+strings.Repeat(`0123456\n`, 2000)+`"}`)), Limits{})
	if err != nil || len(got.Text) > 9000 || !strings.HasSuffix(got.Text, "0123456\n…\n```\n") {
		t.Errorf("%d bytes that end %q, %v", len(got.Text), got.Text[max(0, len(got.Text)-20):], err)
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	text := cells(`{"cell_type": "markdown", "source": "x"}`)
	tests := []struct {
		name, data string
		limits     Limits
		kind       fault.Kind
		want       string
	}{
		{"no JSON", "hello", Limits{}, fault.Invalid, "no valid JSON"},
		{"cut", text[:len(text)-3], Limits{}, fault.Invalid, "no valid JSON"},
		{"other JSON", `{"a": 1}`, Limits{}, fault.Invalid, "no cells"},
		{"no text", cells(), Limits{}, fault.Invalid, "no text"},
		{"100,000 levels", `{"cells": ` + strings.Repeat("[", 100_000), Limits{}, fault.Invalid, "no valid JSON"},
		{"bytes", text, Limits{Bytes: 10}, fault.TooLarge, "larger than"},
		{"cells", cells(`{}`, `{}`, `{}`), Limits{Cells: 2}, fault.TooLarge, "more than 2 cells"},
		{"text", strings.ReplaceAll(text, "x", "hello"), Limits{Text: 2}, fault.TooLarge, "more than"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := read(t, test.data, test.limits)
			if !fault.Is(err, test.kind) || !strings.Contains(fault.Message(err), test.want) {
				t.Errorf("Read = %.100q, %v; want a fault that says %q", got.Text, err, test.want)
			}
		})
	}
}

// TestLongLines has what is slow for readers that look for an end again and again.
func TestLongLines(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"data:", "\\u001b[1"} {
		source := strings.Repeat(text, 1<<17)
		if _, err := read(t, cells(`{"cell_type": "markdown", "source": "`+source+`x"}`), Limits{}); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestContextEnds(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("enough")
	cancel(why)
	data := cells(`{"cell_type": "markdown", "source": "x"}`)
	if _, err := Read(ctx, strings.NewReader(data), int64(len(data)), Limits{}, table); !errors.Is(err, why) {
		t.Errorf("error = %v, want %v", err, why)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(cells(`{"cell_type": "markdown", "source": ["# x"]}`, code(`"x"`, `{"output_type": "stream", "text": "\u001b[1my\r"}`))))
	f.Add([]byte(`{"nbformat": 3, "worksheets": [{"cells": [{"cell_type": "code", "input": "x", "outputs": [{"text": "y"}]}]}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := Read(t.Context(), bytes.NewReader(data), int64(len(data)), Limits{Text: 1 << 20}, table)
		if err == nil && (strings.TrimSpace(got.Text) == "" || !utf8.ValidString(got.Text)) {
			t.Errorf("Read(%q) = %q", data, got.Text)
		}
		if _, ok := errors.AsType[*fault.Fault](err); err != nil && !ok {
			t.Errorf("Read(%q): %v, which is no fault", data, err)
		}
	})
}
