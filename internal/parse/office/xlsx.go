package office

import (
	"errors"
	"strconv"
	"strings"

	"kvasir/internal/parse/archive"
)

// A workbook is an Excel workbook being read.
type workbook struct {
	*pack
	out     *sink
	strings []string       // that cells share
	formats []numberFormat // of each style of cells
	from    epoch
}

// A sheetRef names a sheet.
type sheetRef struct {
	name, part string
	hidden     bool
}

// readXlsx writes the sheets of a workbook in their order: each with its name as a
// heading, then its tables. A formula is what came out of it when the workbook was
// saved. Hidden sheets are read, too, and say so: they have what others refer to.
func readXlsx(p *pack, out *sink) error {
	name, err := p.main(Excel)
	if err != nil {
		return err
	}
	relations, err := p.relations(name)
	if err != nil {
		return err
	}
	w := &workbook{pack: p, out: out}
	var sheets []sheetRef
	err = p.trees(name, "workbook", func(n *node) error {
		if n.Name == "workbookPr" && (n.Attr("date1904") == "1" || n.Attr("date1904") == "true") {
			w.from = macintosh
		}
		for _, s := range n.Find("sheet") {
			if r := relations[s.Relation("id")]; n.Name == "sheets" && !r.external && r.kind == "worksheet" {
				sheets = append(sheets, sheetRef{s.Attr("name"), r.target, s.Attr("state") != "" && s.Attr("state") != "visible"})
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := w.readShared(related(relations, "sharedStrings")); err != nil {
		return err
	}
	if err := w.readFormats(related(relations, "styles")); err != nil {
		return err
	}
	for i, s := range sheets {
		begun := beginSheet(out, i+1, s.name, s.hidden)
		if err := w.sheet(s.part, begun); err != nil && !errors.Is(err, archive.ErrAbsent) {
			return err
		}
		if err := begun.end(); err != nil {
			return err
		}
		out.progress(i+1, len(sheets))
	}
	return nil
}

// readShared reads the strings that cells share.
func (w *workbook) readShared(name string) error {
	if name == "" {
		return nil
	}
	left := 4 * w.out.Max
	err := w.trees(name, "sst", func(n *node) error {
		text := sharedText(n)
		if left -= len(text) + 16; left < 0 {
			return tooLong()
		}
		w.strings = append(w.strings, text)
		return nil
	})
	return ignoreAbsent(err)
}

// sharedText returns the text of a cell's string, which may be of several runs.
func sharedText(n *node) string {
	var b strings.Builder
	for _, t := range n.Find("t") {
		b.WriteString(t.Text())
	}
	return b.String()
}

// readFormats reads how the numbers in cells of each style look.
func (w *workbook) readFormats(name string) error {
	if name == "" {
		return nil
	}
	codes := map[string]string{}
	err := w.Trees(name, "styleSheet", nil, func(n *node) error {
		switch n.Name {
		case "numFmts":
			for _, f := range n.Find("numFmt") {
				codes[f.Attr("numFmtId")] = f.Attr("formatCode")
			}
		case "cellXfs":
			for _, xf := range n.Find("xf") {
				id := xf.Attr("numFmtId")
				code, ok := codes[id]
				if !ok {
					code = builtin(id)
				}
				w.formats = append(w.formats, newNumberFormat(code))
			}
		}
		return nil
	})
	return ignoreAbsent(err)
}

// sheet reads the rows of a sheet.
func (w *workbook) sheet(name string, s *sheet) error {
	row := 0
	return w.trees(name, "sheetData", func(n *node) error {
		if n.Name != "row" {
			return nil
		}
		row++
		if at, err := strconv.Atoi(n.Attr("r")); err == nil {
			row = max(row, at)
		}
		column := -1
		for _, c := range n.Children {
			if c.Name != "c" {
				continue
			}
			column++
			if at, ok := columnOf(c.Attr("r")); ok {
				column = max(column, at)
			}
			text, number := w.value(c)
			if err := s.cell(row, column, text, number); err != nil {
				return err
			}
		}
		return nil
	})
}

// value returns what a cell shows, and whether it is a number.
func (w *workbook) value(c *node) (text string, number bool) {
	raw := c.Child("v").Text()
	switch c.Attr("t") {
	case "s":
		if i, err := strconv.Atoi(strings.TrimSpace(raw)); err == nil && i >= 0 && i < len(w.strings) {
			return w.strings[i], false
		}
		return "", false
	case "inlineStr":
		if is := c.Child("is"); is != nil {
			return sharedText(is), false
		}
		return "", false
	case "b":
		if strings.TrimSpace(raw) == "1" {
			return "TRUE", true
		}
		return "FALSE", true
	case "str", "e":
		return raw, false
	case "d":
		return strings.Replace(strings.TrimSuffix(raw, "T00:00:00"), "T", " ", 1), true
	}
	value, err := strconv.ParseFloat(strings.TrimSpace(raw), 64)
	if err != nil {
		return raw, false
	}
	style, _ := strconv.Atoi(c.Attr("s")) // absent means 0
	if style < 0 || style >= len(w.formats) {
		return general(value), true
	}
	return w.formats[style].text(value, w.from), true
}

// columnOf returns the column, from 0, of a cell's name such as AB12.
func columnOf(name string) (int, bool) {
	n := 0
	for i := range len(name) {
		switch c := name[i]; {
		case c >= 'A' && c <= 'Z' && i < 4:
			n = n*26 + int(c-'A') + 1
		case c >= '0' && c <= '9' && n > 0:
			return n - 1, true
		default:
			return 0, false
		}
	}
	return 0, false
}
