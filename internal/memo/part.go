package memo

// A PartKind is what the pieces of a document are called.
type PartKind string

// The kinds of part.
const (
	PartPage       PartKind = "page"       // of a PDF or a scan
	PartSlide      PartKind = "slide"      // of a presentation
	PartSheet      PartKind = "sheet"      // of a workbook
	PartChapter    PartKind = "chapter"    // of a book
	PartCell       PartKind = "cell"       // of a notebook
	PartAttachment PartKind = "attachment" // of a mail
)

// A Part is a piece of a document as its readers count them, and where it is in
// the text. Parts are in order and do not overlap.
type Part struct {
	Kind   PartKind `json:"kind"`
	Number int      `json:"number"`         // from 1, among those of its kind
	Name   string   `json:"name,omitempty"` // a sheet's or an attachment's name, a chapter's title
	Start  int      `json:"start"`          // bytes of the text
	End    int      `json:"end"`
}

// Parsed is what a parser makes of a document.
type Parsed struct {
	Title string // as the document has it; empty if it has none
	Text  string // Markdown in valid UTF-8 with LF line breaks, not empty
	Parts []Part // nil for a document that has none
}

// PartAt returns the part in which the byte at offset lies, or the one before it;
// nil if there is none.
func PartAt(parts []Part, offset int) *Part {
	low, high := 0, len(parts)
	for low < high {
		if mid := (low + high) / 2; parts[mid].Start <= offset {
			low = mid + 1
		} else {
			high = mid
		}
	}
	if low == 0 {
		return nil
	}
	return &parts[low-1]
}
