package office

import (
	"cmp"
	"errors"
	"strconv"
	"strings"

	"kvasir/internal/parse/archive"
)

// Lists know how the items of each list are marked, and count them. Lists that are
// made alike count on from each other, unless one says where it starts.
type lists struct {
	lists   map[string]*list
	outline map[string]*outline
	linked  map[string]string // the outline that a style of lists stands for
}

// A list is an outline, with starts of its own.
type list struct {
	outline string
	starts  map[int]int
	used    bool
}

// An outline is how items are marked at each depth.
type outline struct {
	levels [listDepth]level
	count  [listDepth]int // items so far, from where each level starts
	style  string         // the style of lists that it takes its levels from
}

// A level is how items of one depth are marked.
type level struct {
	format string // such as decimal
	text   string // such as %1.%2
	start  int
	style  string // of paragraphs that are at this level
	legal  bool   // all numbers are decimal
	keeps  bool   // it goes on counting below the next item above it
}

// listDepth is how deep lists nest in Word.
const listDepth = 9

// lists reads the lists of a Word document.
func (p *pack) lists(name string) (*lists, error) {
	l := &lists{map[string]*list{}, map[string]*outline{}, map[string]string{}}
	if name == "" {
		return l, nil
	}
	err := p.trees(name, "numbering", func(n *node) error {
		switch n.Name {
		case "num":
			made := &list{outline: n.Val("abstractNumId"), starts: map[int]int{}}
			for _, own := range n.Find("lvlOverride") {
				depth, err := strconv.Atoi(own.Attr("ilvl"))
				start, wrong := strconv.Atoi(own.Val("startOverride"))
				if err == nil && wrong == nil {
					made.starts[depth] = start
				}
			}
			l.lists[n.Attr("numId")] = made
		case "abstractNum":
			id := n.Attr("abstractNumId")
			l.outline[id] = readOutline(n)
			if style := n.Val("styleLink"); style != "" {
				l.linked[style] = id
			}
		}
		return nil
	})
	if err != nil && !errors.Is(err, archive.ErrAbsent) {
		return nil, err
	}
	return l, nil
}

// readOutline reads how items are marked at each depth.
func readOutline(n *node) *outline {
	o := &outline{style: n.Val("numStyleLink")}
	for _, lvl := range n.Find("lvl") {
		depth, err := strconv.Atoi(lvl.Attr("ilvl"))
		if err != nil || depth < 0 || depth >= listDepth {
			continue
		}
		start, err := strconv.Atoi(lvl.Val("start"))
		if err != nil {
			start = 1
		}
		text := "%" + strconv.Itoa(depth+1) + "."
		if said := lvl.Child("lvlText"); said != nil {
			text = said.Attr("val")
		}
		o.levels[depth] = level{
			format: lvl.Val("numFmt"), text: text, start: start, style: lvl.Val("pStyle"),
			legal: on(lvl.Child("isLgl")), keeps: lvl.Val("lvlRestart") == "0",
		}
	}
	return o
}

// of returns the outline of a list, nil if there is none.
func (l *lists) of(id string) (*list, *outline) {
	list := l.lists[id]
	if list == nil {
		return nil, nil
	}
	o := l.outline[list.outline]
	if o != nil && o.style != "" {
		o = l.outline[cmp.Or(l.linked[o.style], list.outline)]
	}
	return list, o
}

// depth returns the depth at which a list has paragraphs of a style, 0 if it does not
// say.
func (l *lists) depth(id, style string) int {
	if _, o := l.of(id); o != nil && style != "" {
		for depth := range o.levels {
			if o.levels[depth].style == style {
				return depth
			}
		}
	}
	return 0
}

// marker returns what stands before the next item of the list at depth, "-" for what
// is no number.
func (l *lists) marker(id string, depth int) string {
	list, o := l.of(id)
	depth = min(max(depth, 0), listDepth-1)
	if o == nil {
		return "-"
	}
	if start, ok := list.starts[depth]; ok && !list.used {
		o.count[depth] = start - max(o.levels[depth].start, 0)
	}
	list.used = true
	o.count[depth]++
	for below := depth + 1; below < listDepth; below++ {
		if !o.levels[below].keeps {
			o.count[below] = 0
		}
	}
	lvl := o.levels[depth]
	if lvl.format == "" || lvl.format == "bullet" || lvl.format == "none" {
		return "-"
	}
	var b strings.Builder
	for text := lvl.text; text != ""; {
		before, after, found := strings.Cut(text, "%")
		b.WriteString(before)
		if !found {
			break
		}
		if after == "" || after[0] < '1' || after[0] > '9' {
			b.WriteString("%")
			text = after
			continue
		}
		b.WriteString(o.number(int(after[0]-'1'), lvl.legal))
		text = after[1:]
	}
	if marker := strings.TrimSpace(b.String()); len(marker) <= 40 && marker != "" {
		return marker
	}
	return "-"
}

// number returns the number of the last item at a depth.
func (o *outline) number(depth int, legal bool) string {
	lvl := o.levels[depth]
	n := lvl.start + max(o.count[depth], 1) - 1
	if legal {
		return strconv.Itoa(n)
	}
	return inFormat(n, lvl.format)
}

// inFormat returns a number as a list writes it.
func inFormat(n int, format string) string {
	switch format {
	case "lowerLetter", "a":
		return strings.ToLower(letters(n))
	case "upperLetter", "A":
		return letters(n)
	case "lowerRoman", "i":
		return strings.ToLower(roman(n))
	case "upperRoman", "I":
		return roman(n)
	case "decimalZero":
		if n >= 0 && n < 10 {
			return "0" + strconv.Itoa(n)
		}
	case "none", "bullet":
		return ""
	}
	return strconv.Itoa(n)
}

// letters returns A to Z, then AA to ZZ.
func letters(n int) string {
	if n < 1 || n > 26*20 {
		return strconv.Itoa(n)
	}
	return strings.Repeat(string(rune('A'+(n-1)%26)), (n-1)/26+1)
}

// roman returns a Roman number.
func roman(n int) string {
	if n < 1 || n > 3999 {
		return strconv.Itoa(n)
	}
	var b strings.Builder
	for _, sign := range []struct {
		value int
		text  string
	}{
		{1000, "M"}, {900, "CM"}, {500, "D"}, {400, "CD"}, {100, "C"}, {90, "XC"}, {50, "L"}, {40, "XL"},
		{10, "X"}, {9, "IX"}, {5, "V"}, {4, "IV"}, {1, "I"},
	} {
		for ; n >= sign.value; n -= sign.value {
			b.WriteString(sign.text)
		}
	}
	return b.String()
}
