package office

import (
	"errors"
	"strconv"
	"strings"

	"kvasir/internal/parse/archive"
)

// A style is what the style of a paragraph says about its role.
type style struct {
	level    int    // of a heading, 1 to 6; 0 for none, below for none whatever its base is
	list     string // the list it is in; empty for none
	depth    int    // in that list; below 0 if the style does not say
	title    bool   // it is the title of the document
	contents bool   // it is a line of a table of contents
	base     string // the style that it changes
}

// styles reads the styles of a Word document by their ids, the one that paragraphs
// have who name none by the empty one.
func (p *pack) styles(name string) (map[string]style, error) {
	styles := map[string]style{}
	if name == "" {
		return styles, nil
	}
	err := p.trees(name, "styles", func(n *node) error {
		if n.Name != "style" {
			return nil
		}
		s := readStyle(n)
		styles[n.Attr("styleId")] = s
		if n.Attr("default") == "1" && n.Attr("type") == "paragraph" {
			styles[""] = s
		}
		return nil
	})
	if err != nil && !errors.Is(err, archive.ErrAbsent) {
		return nil, err
	}
	resolved := make(map[string]style, len(styles))
	for id, s := range styles {
		// What a style does not say its base does. A few steps are enough, and end
		// where styles go in a circle.
		for base, i := s.base, 0; base != "" && i < 10; i++ {
			if s.level == 0 {
				s.level = styles[base].level
			}
			if s.list == "" {
				s.list = styles[base].list
			}
			if s.depth < 0 {
				s.depth = styles[base].depth
			}
			base = styles[base].base
		}
		resolved[id] = s
	}
	return resolved, nil
}

// readStyle reads one style. Names of built-in styles are English in every
// language of Word.
func readStyle(n *node) style {
	s := style{base: n.Val("basedOn"), list: n.Val("pPr", "numPr", "numId"), depth: -1}
	if depth, err := strconv.Atoi(n.Val("pPr", "numPr", "ilvl")); err == nil {
		s.depth = depth
	}
	name := strings.ToLower(n.Val("name"))
	number, numbered := strings.CutPrefix(name, "heading ")
	if level, err := strconv.Atoi(number); err == nil && numbered {
		s.level = outlineLevel(level - 1)
	} else if level, err := strconv.Atoi(n.Val("pPr", "outlineLvl")); err == nil {
		s.level = outlineLevel(level)
	}
	if s.title = name == "title"; s.title {
		s.level = 1
	}
	s.contents = strings.HasPrefix(name, "toc ") || name == "table of figures"
	return s
}

// outlineLevel returns the heading level of an outline level. Level 9 is body text.
func outlineLevel(outline int) int {
	if outline < 0 || outline >= 9 {
		return -1
	}
	return min(outline+1, 6)
}
