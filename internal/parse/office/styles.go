package office

import (
	"cmp"
	"errors"
	"strconv"
	"strings"
)

// A style is what the style of a paragraph says about its role.
type style struct {
	level    int    // of a heading, 1 to 6; 0 for none
	list     string // the list it is in; empty for none
	depth    int    // in that list
	contents bool   // it is a line of a table of contents
	base     string // the style that it changes
}

// styles reads the styles of a Word document by their ids.
func (a *archive) styles(name string) (map[string]style, error) {
	styles := map[string]style{}
	if name == "" {
		return styles, nil
	}
	err := a.trees(name, "styles", func(n *node) error {
		if n.name == "style" {
			styles[n.attr("styleId")] = readStyle(n)
		}
		return nil
	})
	if err != nil && !errors.Is(err, errAbsent) {
		return nil, err
	}
	resolved := make(map[string]style, len(styles))
	for id, s := range styles {
		// What a style does not say its base does. A few steps are enough, and end
		// where styles go in a circle.
		for base, i := s.base, 0; base != "" && i < 10; i++ {
			s.level = cmp.Or(s.level, styles[base].level)
			if s.list == "" {
				s.list, s.depth = styles[base].list, styles[base].depth
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
	s := style{base: n.val("basedOn"), list: n.val("pPr", "numPr", "numId")}
	s.depth, _ = strconv.Atoi(n.val("pPr", "numPr", "ilvl")) // absent means 0
	name := strings.ToLower(n.val("name"))
	if level, err := strconv.Atoi(strings.TrimPrefix(name, "heading ")); err == nil && strings.HasPrefix(name, "heading ") {
		s.level = outlineLevel(level - 1)
	} else if level, err := strconv.Atoi(n.val("pPr", "outlineLvl")); err == nil {
		s.level = outlineLevel(level)
	}
	if name == "title" {
		s.level = 1
	}
	s.contents = strings.HasPrefix(name, "toc ")
	return s
}

// outlineLevel returns the heading level of an outline level. Level 9 is body text.
func outlineLevel(outline int) int {
	if outline < 0 || outline >= 9 {
		return 0
	}
	return min(outline+1, 6)
}

// lists knows how the items of each list are marked, and counts them.
type lists struct {
	abstract map[string]string          // the definition that each list uses
	format   map[string]map[int]string  // of each level of a definition
	count    map[string]*[listDepth]int // items so far at each level of a list
}

// listDepth is how deep lists nest in Word.
const listDepth = 9

// lists reads the lists of a Word document.
func (a *archive) lists(name string) (*lists, error) {
	l := &lists{map[string]string{}, map[string]map[int]string{}, map[string]*[listDepth]int{}}
	if name == "" {
		return l, nil
	}
	err := a.trees(name, "numbering", func(n *node) error {
		switch n.name {
		case "num":
			l.abstract[n.attr("numId")] = n.val("abstractNumId")
		case "abstractNum":
			formats := map[int]string{}
			for _, level := range n.children {
				if depth, err := strconv.Atoi(level.attr("ilvl")); err == nil {
					formats[depth] = level.val("numFmt")
				}
			}
			l.format[n.attr("abstractNumId")] = formats
		}
		return nil
	})
	if err != nil && !errors.Is(err, errAbsent) {
		return nil, err
	}
	return l, nil
}

// marker returns what stands before the next item of the list at depth.
func (l *lists) marker(list string, depth int) string {
	depth = min(max(depth, 0), listDepth-1)
	switch l.format[l.abstract[list]][depth] {
	case "", "bullet", "none":
		return "-"
	}
	count := l.count[list]
	if count == nil {
		count = new([listDepth]int)
		l.count[list] = count
	}
	count[depth]++
	clear(count[depth+1:])
	return strconv.Itoa(count[depth]) + "."
}
