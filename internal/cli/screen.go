package cli

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"unicode"

	"golang.org/x/term"

	"kvasir/internal/config"
)

// A screen is where a person reads: a terminal, or a file that must stay plain.
// It is safe for concurrent use.
type screen struct {
	terminal bool
	color    bool
	dumb     bool // a terminal whose cursor cannot be moved

	mu     sync.Mutex // guards what follows
	w      io.Writer
	failed error // the first failed write
}

func newScreen(w io.Writer, env *config.Environment) *screen {
	s := &screen{w: w}
	if f, ok := w.(*os.File); ok {
		s.terminal = term.IsTerminal(int(f.Fd()))
	}
	s.dumb = env.Get("TERM") == "dumb"
	s.color = s.terminal && !s.dumb && env.Get("NO_COLOR") == ""
	return s
}

// movable reports whether something can be drawn in place of what was there.
func (s *screen) movable() bool { return s.terminal && !s.dumb }

// Write writes as it is.
func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, err := s.w.Write(p)
	if err != nil && s.failed == nil {
		s.failed = err
	}
	return n, err
}

// printf writes; the session tells of writes that failed.
func (s *screen) printf(format string, args ...any) { _, _ = fmt.Fprintf(s, format, args...) }

func (s *screen) bold(text string) string   { return s.styled("1", text) }
func (s *screen) dim(text string) string    { return s.styled("2", text) }
func (s *screen) red(text string) string    { return s.styled("31", text) }
func (s *screen) green(text string) string  { return s.styled("32", text) }
func (s *screen) yellow(text string) string { return s.styled("33", text) }

func (s *screen) styled(code, text string) string {
	if !s.color || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// enter shows an empty screen beside the one with the scroll-back, leave goes
// back to that.
func (s *screen) enter() { s.printf("\x1b[?1049h\x1b[?25l\x1b[2J") }
func (s *screen) leave() { s.printf("\x1b[?25h\x1b[?1049l") }

// draw shows lines in place of what was there, as many as there is room for, and
// a hint below them. A raw terminal does not go back to the first column.
func (s *screen) draw(lines []string, hint string) {
	if room := s.height() - 2; len(lines) > room {
		lines = append(lines[:max(room-1, 0):max(room-1, 0)], s.dim("…"))
	}
	lines = append(lines, "", s.dim(hint))
	s.printf("\x1b[H%s\x1b[K\x1b[J", strings.Join(lines, "\x1b[K\r\n"))
}

// height is how many lines there are.
func (s *screen) height() int {
	const byDefault = 24
	if f, ok := s.w.(*os.File); ok && s.terminal {
		if _, lines, err := term.GetSize(int(f.Fd())); err == nil && lines > 0 {
			return lines
		}
	}
	return byDefault
}

// width is how many columns a text may take.
func (s *screen) width() int {
	const byDefault, most = 80, 100
	if f, ok := s.w.(*os.File); ok && s.terminal {
		if columns, _, err := term.GetSize(int(f.Fd())); err == nil && columns > 0 {
			return min(columns, most)
		}
	}
	return byDefault
}

// clean takes out of a text what would change the terminal: memos and answers
// are anybody's words.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' || unicode.Is(unicode.Bidi_Control, r) {
			return -1
		}
		return r
	}, text)
}

// oneLine makes a text fit into a line of a list.
func oneLine(text string) string { return strings.Join(strings.Fields(clean(text)), " ") }

// wrapped breaks a text into lines of a width, each after an indent.
func wrapped(text, indent string, width int) string {
	var out strings.Builder
	column := 0
	for word := range strings.FieldsSeq(clean(text)) {
		length := len([]rune(word))
		switch {
		case column == 0:
			out.WriteString(indent)
			column = len(indent)
		case column+1+length > width:
			out.WriteString("\n" + indent)
			column = len(indent)
		default:
			out.WriteByte(' ')
			column++
		}
		out.WriteString(word)
		column += length
	}
	return out.String()
}
