package rtf

import (
	"bufio"
	"errors"
	"io"
	"strconv"
)

// A kind says what a token is.
type kind int

const (
	open kind = iota
	closing
	word // a control word or symbol
	char // a byte of text
)

// A token is the smallest piece of RTF that means something.
type token struct {
	kind  kind
	name  string // of a word
	param int
	given bool // a parameter
	char  byte
}

// A lexer cuts RTF into tokens.
type lexer struct {
	r *bufio.Reader
}

// maxWord is how long a control word may be; what follows is text.
const maxWord = 40

// next returns the next token.
func (l *lexer) next() (token, error) {
	for {
		c, err := l.r.ReadByte()
		if err != nil {
			return token{}, err
		}
		switch c {
		case '{':
			return token{kind: open}, nil
		case '}':
			return token{kind: closing}, nil
		case '\\':
			return l.control()
		case '\r', '\n', 0:
		default:
			return token{kind: char, char: c}, nil
		}
	}
}

// control returns the control word or symbol after a backslash.
func (l *lexer) control() (token, error) {
	c, err := l.r.ReadByte()
	if err != nil {
		return token{}, err
	}
	switch {
	case c == '\'':
		return l.hex()
	case c == '\\' || c == '{' || c == '}':
		return token{kind: char, char: c}, nil
	case c == '\r' || c == '\n':
		return token{kind: word, name: "par"}, nil
	case !isLetter(c):
		return token{kind: word, name: string(rune(c))}, nil
	}
	name := []byte{c}
	for len(name) < maxWord {
		if c, err = l.r.ReadByte(); err != nil || !isLetter(c) {
			break
		}
		name = append(name, c)
	}
	t := token{kind: word, name: string(name)}
	if err == nil && (c == '-' || isDigit(c)) {
		number := []byte{c}
		for len(number) < 12 {
			if c, err = l.r.ReadByte(); err != nil || !isDigit(c) {
				break
			}
			number = append(number, c)
		}
		if n, bad := strconv.ParseInt(string(number), 10, 32); bad == nil {
			t.param, t.given = int(n), true
		}
	}
	if err == nil && c != ' ' {
		err = l.r.UnreadByte()
	}
	if t.name == "bin" && err == nil && t.param > 0 {
		_, err = io.CopyN(io.Discard, l.r, int64(t.param))
	}
	if errors.Is(err, io.EOF) {
		err = nil // the next token says so
	}
	return t, err
}

// hex returns the byte of an escape in hexadecimal digits. What is none stands for a
// question mark.
func (l *lexer) hex() (token, error) {
	digits, err := l.r.Peek(2)
	if err != nil {
		return token{}, io.EOF
	}
	n, bad := strconv.ParseUint(string(digits), 16, 8)
	if bad != nil {
		return token{kind: char, char: '?'}, nil
	}
	_, err = l.r.Discard(2)
	return token{kind: char, char: byte(n)}, err
}

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
