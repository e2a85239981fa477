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

// events yields the data of each server-sent event of a stream. Comments, other
// fields and events without data are skipped, as the format wants; an event at
// the very end counts without the empty line, since nothing is lost by it. The
// data is valid until the next one. An error is yielded once, last.
func events(r io.Reader) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		lines := lineReader{in: bufio.NewReaderSize(r, 64<<10)}
		var data []byte
		filled := false
		for {
			line, err := lines.next()
			if err != nil && err != io.EOF {
				yield(nil, fmt.Errorf("read stream: %w", err))
				return
			}
			if value, ok := dataOf(line); ok {
				if filled {
					data = append(data, '\n')
				}
				data, filled = append(data, value...), true
			}
			if (len(line) == 0 || err == io.EOF) && filled {
				if !yield(data, nil) {
					return
				}
				data, filled = data[:0], false
			}
			if err == io.EOF {
				return
			}
			if len(data) > maxLine {
				yield(nil, fmt.Errorf("read stream: %w", errLineTooLong))
				return
			}
		}
	}
}

// dataOf returns the value of a line "data: value"; one space is not part of it.
func dataOf(line []byte) ([]byte, bool) {
	name, value, _ := bytes.Cut(line, []byte(":"))
	if string(name) != "data" {
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
