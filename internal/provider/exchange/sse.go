package exchange

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"iter"
)

// maxEvent bounds the data of one event and every line in bytes. A delta has
// some hundred; the bound keeps a line without end from filling the memory.
const maxEvent = 1 << 20

var errEventTooLarge = errors.New("an event of the stream is too large")

// An Event is one server-sent event.
type Event struct {
	Name string // of the event field; mostly empty
	Data []byte // its data lines, joined by line feeds
}

// Events reads server-sent events from r as the WHATWG's HTML standard defines
// them, and yields those that have data. It differs in one point: an event
// followed by the end of r instead of an empty line counts, because some servers
// end so. The data of an event is valid until the next one is asked for.
func Events(r io.Reader) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		lines := bufio.NewScanner(r)
		lines.Buffer(make([]byte, 0, 4<<10), maxEvent)
		lines.Split(new(lineSplitter).split)
		var p pending
		for lines.Scan() {
			line := lines.Bytes()
			if len(line) > 0 {
				if !p.add(line) {
					yield(Event{}, errEventTooLarge)
					return
				}
				continue
			}
			if p.lines > 0 && !yield(p.event(), nil) {
				return
			}
			p.reset()
		}
		switch err := lines.Err(); {
		case errors.Is(err, bufio.ErrTooLong):
			yield(Event{}, errEventTooLarge)
		case err != nil:
			yield(Event{}, err)
		case p.lines > 0:
			yield(p.event(), nil)
		}
	}
}

// pending is the event that is being read.
type pending struct {
	name  string
	data  []byte
	lines int // of data; an event without any is dropped
}

// add takes in one line and reports whether the event is still within bounds.
func (p *pending) add(line []byte) bool {
	field, value, _ := bytes.Cut(line, []byte(":")) // a comment has an empty field
	value = bytes.TrimPrefix(value, []byte(" "))
	switch string(field) {
	case "event":
		p.name = string(value)
	case "data":
		if p.lines++; p.lines > 1 {
			p.data = append(p.data, '\n')
		}
		p.data = append(p.data, value...)
	}
	return len(p.data) <= maxEvent
}

func (p *pending) event() Event { return Event{Name: p.name, Data: p.data} }

func (p *pending) reset() { p.name, p.data, p.lines = "", p.data[:0], 0 }

// A lineSplitter cuts lines at CR, LF and CR LF. A line that ends in CR is handed
// out before it is known whether LF follows: to wait for the next byte would
// hold an event back until the one after it arrives.
type lineSplitter struct {
	begun   bool // the byte order mark has been looked for
	afterCR bool // a leading LF belongs to the line before
}

// split is a [bufio.SplitFunc].
func (s *lineSplitter) split(data []byte, atEOF bool) (int, []byte, error) {
	skip := 0
	if !s.begun {
		const mark = "\ufeff"
		if len(data) < len(mark) && !atEOF && bytes.HasPrefix([]byte(mark), data) {
			return 0, nil, nil
		}
		if bytes.HasPrefix(data, []byte(mark)) {
			skip = len(mark)
		}
		s.begun = true
	} else if s.afterCR && len(data) > 0 {
		if data[0] == '\n' {
			skip = 1
		}
		s.afterCR = false
	}
	end := bytes.IndexAny(data[skip:], "\r\n")
	switch {
	case end >= 0:
		end += skip
		s.afterCR = data[end] == '\r'
		return end + 1, data[skip:end], nil
	case atEOF && len(data) > skip:
		return len(data), data[skip:], nil
	}
	return skip, nil, nil
}
