package rtf

import (
	"slices"
	"strings"
)

// skipped are destinations without words of the text, other than starred ones.
var skipped = []string{
	"colortbl", "filetbl", "pict", "nonshppict", "shprslt", "header", "headerl", "headerr", "headerf", "footer",
	"footerl", "footerr", "footerf", "ftnsep", "ftnsepc", "ftncn", "aftnsep", "aftnsepc", "aftncn", "template", "tc",
	"xe", "rxe", "sp", "private", "nonesttables", "pnseclvl", "fchars", "lchars", "keycode", "objdata", "objname",
	"objclass", "atnid", "atnauthor", "mmathPict", "list", "listlevel", "leveltext", "listname", "listtable",
	"listoverridetable", "revtbl", "rsidtbl", "themedata",
	"datafield", "generator", "blipuid", "picprop", "falt", "panose", "fname", "bkmkstart", "bkmkend",
}

// kept are starred destinations that hold words of the text, in groups of theirs.
var kept = []string{"shpinst", "shptxt", "do", "dptxbxtext", "moMath", "moMathPara", "result"}

// characters are control words and symbols that are characters.
var characters = map[string]string{
	"tab": "\t", "line": "\n", "softline": "\n", "lbr": "\n", "~": "\u00a0", "_": "-", "emdash": "—", "endash": "–",
	"lquote": "‘", "rquote": "’", "ldblquote": "“", "rdblquote": "”", "bullet": "•", "emspace": " ", "enspace": " ",
	"qmspace": " ", "zwj": "\u200d", "zwnj": "\u200c", "nestcell": " ", "nestrow": "; ",
}

// word does what a control word says.
func (d *document) word(t token) {
	if t.name == "*" {
		d.now.starred = true
		return
	}
	fresh := d.now.fresh
	d.now.fresh = false
	if fresh && d.destination(t) {
		return
	}
	if text, ok := characters[t.name]; ok {
		d.decode()
		d.put(text)
		return
	}
	switch t.name {
	case "u":
		d.unicode(t.param)
	case "uc":
		d.now.skipAfterUnicode = max(t.param, 0)
	case "ansicpg":
		d.page = t.param
	case "mac", "pc", "pca":
		d.page = map[string]int{"mac": 10000, "pc": 437, "pca": 850}[t.name]
	case "f":
		d.decode()
		d.now.font = t.param
	case "fcharset", "cpg":
		d.font(t)
	case "v":
		d.decode()
		d.now.hidden = !t.given || t.param != 0
	case "deleted":
		d.decode()
		d.now.deleted = !t.given || t.param != 0
	case "super", "nosupersub", "sub":
		d.decode()
		d.now.raised = t.name == "super" && (!t.given || t.param != 0)
	case "plain":
		d.decode()
		d.now.hidden, d.now.deleted, d.now.raised = false, false, false
	default:
		d.layout(t)
	}
}

// layout does what a control word says about paragraphs and tables.
func (d *document) layout(t token) {
	switch t.name {
	case "par", "sect", "page":
		d.decode()
		if d.now.dest == toText || d.now.dest == toNote {
			d.endParagraph()
		}
	case "pard":
		d.now.outline, d.now.style, d.now.inTable, d.now.list, d.now.level = noOutline, 0, false, 0, 0
	case "outlinelevel":
		d.now.outline = t.param
		d.setStyle(func(s *style) { s.outline = t.param })
	case "s":
		d.now.style = t.param
		if d.now.dest == toStyles {
			d.styles[t.param] = style{noOutline, -1}
		}
	case "sbasedon":
		d.setStyle(func(s *style) { s.base = t.param })
	case "intbl":
		d.now.inTable = true
	case "ilvl":
		d.now.level = min(max(t.param, 0), 8)
	case "ls":
		d.now.list = t.param
	default:
		d.tableWord(t)
	}
}

// destination reports whether the first word of a group names a destination, and
// goes there.
func (d *document) destination(t token) bool {
	if d.now.dest == nowhere {
		return true
	}
	switch t.name {
	case "fonttbl":
		d.now.dest = toFonts
	case "stylesheet":
		d.now.dest = toStyles
	case "info":
		d.now.dest = toInfo
	case "title":
		if d.now.dest == toInfo {
			d.now.dest = toTitle
		}
	case "listtext", "pntext":
		d.marker.Reset()
		d.old = t.name == "pntext"
		d.now.dest = toMarker
	case "fldinst":
		d.field.Reset()
		d.now.dest = toField
	case "fldrslt":
		d.fieldResult()
	case "footnote":
		d.beginNote()
	case "upr":
		d.now.dest = toOld
	case "ud":
		for i := len(d.stack) - 1; i >= 0 && d.now.dest == toOld; i-- {
			d.now.dest = d.stack[i].dest
		}
	default:
		if slices.Contains(skipped, t.name) || d.now.starred && !slices.Contains(kept, t.name) && d.now.dest != toStyles {
			d.now.dest = nowhere
			return true
		}
		return false
	}
	return true
}

// fieldResult goes where the result of the field before goes. Tables of contents and
// numbers of pages are nowhere in the text. Of links the words stay, which say more
// than the address.
func (d *document) fieldResult() {
	instruction := strings.Fields(d.field.String())
	if len(instruction) == 0 {
		return
	}
	switch strings.ToUpper(instruction[0]) {
	case "TOC", "INDEX", "PAGE", "NUMPAGES", "PAGEREF":
		d.now.dest = nowhere
	}
}

// setStyle changes the style that is being defined.
func (d *document) setStyle(change func(*style)) {
	if d.now.dest == toStyles {
		s, ok := d.styles[d.now.style]
		if !ok {
			s = style{noOutline, -1}
		}
		change(&s)
		d.styles[d.now.style] = s
	}
}

// font notes the code page of a font.
func (d *document) font(t token) {
	if d.now.dest != toFonts {
		return
	}
	page := t.param
	if t.name == "fcharset" {
		page = pageOf(t.param)
	}
	if page != 0 {
		d.fonts[d.now.font] = page
	}
}
