package client

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
)

// maxLine bounds a line of a stream, in bytes. Servers keep theirs below 64 KiB.
const maxLine = 1 << 20

// errLineTooLong ends a stream that is no stream of events.
var errLineTooLong = errors.New("a line is longer than 1 MiB")

// A message is a server-sent event. One without data only tells its id: where in a
// log the stream is.
type message struct {
	id   string
	data []byte // valid until the next message
}

// events yields the server-sent events of a stream that have data or an id.
// Comments and other fields are skipped, as the format wants; an event at the very
// end counts without the empty line, since nothing is lost by it. An error is
// yielded once, last.
func events(r io.Reader) iter.Seq2[message, error] {
	return func(yield func(message, error) bool) {
		lines := lineReader{in: bufio.NewReaderSize(r, 64<<10)}
		var data []byte
		id, filled := "", false
		for {
			line, err := lines.next()
			if err != nil && err != io.EOF {
				yield(message{}, fmt.Errorf("read stream: %w", err))
				return
			}
			if value, ok := valueOf(line, "id"); ok {
				id = string(value)
			}
			if value, ok := valueOf(line, "data"); ok {
				if filled {
					data = append(data, '\n')
				}
				data, filled = append(data, value...), true
			}
			if len(line) == 0 && err == nil && id != "" || (len(line) == 0 || err == io.EOF) && filled {
				if !yield(message{id, data}, nil) {
					return
				}
				data, id, filled = data[:0], "", false
			}
			if err == io.EOF {
				return
			}
			if len(data) > maxLine {
				yield(message{}, fmt.Errorf("read stream: %w", errLineTooLong))
				return
			}
		}
	}
}

// valueOf returns the value of a line "field: value"; one space is not part of it.
func valueOf(line []byte, field string) ([]byte, bool) {
	name, value, _ := bytes.Cut(line, []byte(":"))
	if string(name) != field {
		return nil, false
	}
	return bytes.TrimPrefix(value, []byte(" ")), true
}

// A lineReader reads lines that end with \n, \r\n, or the end of the stream.
type lineReader struct {
	in    *bufio.Reader
	line  []byte // the last line
	begun bool   // the first line has been read
}

// next returns a line without its end; it is valid until the next call. The
// last line comes together with io.EOF.
func (l *lineReader) next() ([]byte, error) {
	l.line = l.line[:0]
	for {
		part, err := l.in.ReadSlice('\n')
		if len(l.line)+len(part) > maxLine+2 {
			return nil, errLineTooLong
		}
		l.line = append(l.line, part...)
		if err == bufio.ErrBufferFull {
			continue
		}
		line := bytes.TrimSuffix(bytes.TrimSuffix(l.line, []byte("\n")), []byte("\r"))
		if !l.begun {
			l.begun = true
			line = bytes.TrimPrefix(line, []byte("\ufeff"))
		}
		return line, err
	}
}
