// Package notebook reads Jupyter notebooks (.ipynb) as Markdown: the text of a
// notebook as it is, its code in blocks, and what the code printed.
//
// Every cell is a part of the document. Pictures are left out, of tables the one
// that a person sees is kept, and long output is cut, as it is rarely what somebody
// looks for. Notebooks of format 3 and 4 can be read.
package notebook

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"kvasir/internal/fault"
	"kvasir/internal/memo"
	"kvasir/internal/parse/charset"
	"kvasir/internal/parse/markdown"
)

// Limits bound what a notebook may take. The zero value of a field means its
// default.
type Limits struct {
	Text   int   // bytes of the Markdown; 64 MiB
	Bytes  int64 // of the file, which is held in memory; 256 MiB
	Cells  int   // 50,000
	Output int   // bytes that are kept of one output; 8 KiB
}

// withDefaults returns l with every field set.
func (l Limits) withDefaults() Limits {
	l.Text = cmp.Or(max(l.Text, 0), 64<<20)
	l.Bytes = cmp.Or(max(l.Bytes, 0), 256<<20)
	l.Cells = cmp.Or(max(l.Cells, 0), 50_000)
	l.Output = cmp.Or(max(l.Output, 0), 8<<10)
	return l
}

// HTML reads a web page.
type HTML func(ctx context.Context, r io.Reader, contentType string) (memo.Parsed, error)

// Read reads a notebook of size bytes. Tables in its output are read by html.
func Read(ctx context.Context, r io.ReaderAt, size int64, limits Limits, html HTML) (memo.Parsed, error) {
	limits = limits.withDefaults()
	if size > limits.Bytes {
		return memo.Parsed{}, fault.New(fault.TooLarge,
			fmt.Sprintf("The notebook is larger than %d MB", limits.Bytes>>20))
	}
	data, err := io.ReadAll(io.NewSectionReader(r, 0, size))
	if err != nil {
		return memo.Parsed{}, fmt.Errorf("read the notebook: %w", err)
	}
	var f file
	if err := json.Unmarshal([]byte(charset.Decode(data)), &f); err != nil {
		return memo.Parsed{}, fault.Wrap(fault.Invalid, "The file is no notebook: it is no valid JSON", err)
	}
	for _, sheet := range f.Worksheets { // format 3
		f.Cells = append(f.Cells, sheet.Cells...)
	}
	switch {
	case f.Format == 0 && len(f.Cells) == 0:
		return memo.Parsed{}, fault.New(fault.Invalid, "The file is no notebook: it has no cells")
	case len(f.Cells) > limits.Cells:
		return memo.Parsed{}, fault.New(fault.TooLarge, fmt.Sprintf("The notebook has more than %d cells", limits.Cells))
	}
	w := &writer{
		out: &markdown.Writer{Max: limits.Text}, limits: limits, html: html,
		language: cmp.Or(f.Metadata.Language.Name, f.Metadata.Kernel.Language, "python"),
	}
	for i, c := range f.Cells {
		if err := w.cell(ctx, i+1, c); err != nil {
			return memo.Parsed{}, err
		}
	}
	switch {
	case w.out.Over:
		return memo.Parsed{}, fault.New(fault.TooLarge,
			fmt.Sprintf("The notebook has more than %d MB of text", limits.Text>>20))
	case w.out.String() == "":
		return memo.Parsed{}, fault.New(fault.Invalid, "The notebook has no text")
	}
	return w.out.Parsed(cmp.Or(string(f.Metadata.Title), w.title)), nil
}

// A file is a notebook as it is stored, in either format.
type file struct {
	Format     int    `json:"nbformat"`
	Cells      []cell `json:"cells"`
	Worksheets []struct {
		Cells []cell `json:"cells"`
	} `json:"worksheets"`
	Metadata struct {
		Title  text `json:"title"`
		Kernel struct {
			Language string `json:"language"`
		} `json:"kernelspec"`
		Language struct {
			Name string `json:"name"`
		} `json:"language_info"`
	} `json:"metadata"`
}

// A cell is a cell of a notebook.
type cell struct {
	Kind     string   `json:"cell_type"`
	Source   text     `json:"source"`
	Input    text     `json:"input"` // of code, in format 3
	Language string   `json:"language"`
	Level    int      `json:"level"` // of a heading, in format 3
	Outputs  []output `json:"outputs"`
}

// An output is what a cell of code left.
type output struct {
	Kind      string          `json:"output_type"`
	Text      text            `json:"text"`
	HTML      text            `json:"html"` // in format 3
	Picture   text            `json:"png"`  // in format 3
	Data      map[string]text `json:"data"` // by media type
	Name      text            `json:"ename"`
	Value     text            `json:"evalue"`
	Traceback text            `json:"traceback"`
}

// A text is a string, or a list of strings that are its lines. Of what is neither,
// it is empty.
type text string

// UnmarshalJSON implements json.Unmarshaler.
func (t *text) UnmarshalJSON(data []byte) error {
	var one string
	var lines []string
	switch {
	case json.Unmarshal(data, &one) == nil:
		*t = text(one)
	case json.Unmarshal(data, &lines) == nil:
		*t = text(strings.Join(lines, ""))
	}
	return nil
}

// A writer writes cells.
type writer struct {
	out      *markdown.Writer
	limits   Limits
	html     HTML
	language string
	title    string // the first heading of the first level
}

// cell writes a cell with its output.
func (w *writer) cell(ctx context.Context, number int, c cell) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	w.out.Part(memo.PartCell, number, "")
	source := charset.Clean(string(cmp.Or(c.Source, c.Input)))
	switch c.Kind {
	case "code":
		w.out.Fenced(cmp.Or(c.Language, w.language), source)
	case "heading":
		w.out.Heading(max(c.Level, 1), source)
	case "markdown":
		source = withoutPictures(source)
		for line := range strings.Lines(source) {
			if name, ok := strings.CutPrefix(line, "# "); ok && w.title == "" {
				w.title = strings.TrimSpace(name)
			}
		}
		w.out.Markdown(closed(source))
	default:
		w.out.Paragraph(source)
	}
	for _, o := range c.Outputs {
		if err := w.output(ctx, o); err != nil {
			return err
		}
	}
	return nil
}

// output writes what a person sees of an output.
func (w *writer) output(ctx context.Context, o output) error {
	html := cmp.Or(o.HTML, o.Data["text/html"])
	picture := o.Picture != ""
	for mediaType := range o.Data {
		picture = picture || strings.HasPrefix(mediaType, "image/") || strings.Contains(mediaType, "plotly")
	}
	switch {
	case strings.Contains(string(html), "<table"):
		parsed, err := w.html(ctx, strings.NewReader(string(html)), "text/html; charset=utf-8")
		if err == nil {
			w.out.Markdown(w.cut(charset.Clean(parsed.Text)))
			return nil
		}
		if _, ok := errors.AsType[*fault.Fault](err); !ok || ctx.Err() != nil {
			return err
		}
	case o.Data["text/markdown"] != "":
		w.out.Markdown(closed(w.cut(withoutPictures(charset.Clean(string(o.Data["text/markdown"]))))))
		return nil
	case o.Kind == "error" || o.Kind == "pyerr":
		fallback := text(o.Name + ": " + o.Value)
		w.out.Fenced("", w.cut(printed(string(cmp.Or(o.Traceback, fallback)))))
		return nil
	case picture: // its text only says that it is one
		return nil
	}
	w.out.Fenced("", w.cut(printed(string(cmp.Or(o.Text, o.Data["text/plain"])))))
	return nil
}
