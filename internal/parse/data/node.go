package data

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"kvasir/internal/fault"
)

// A kind is what a value is.
type kind uint8

const (
	scalar kind = iota
	object
	array
)

// A node is a value, with the key it has in the object around it.
type node struct {
	kind  kind
	key   string
	text  string // of a scalar
	items []node // of an object or an array
}

// title returns what a record calls itself.
func (n node) title() string {
	if n.kind != object {
		return ""
	}
	for _, key := range []string{"title", "name", "subject", "headline", "label", "id", "key"} {
		for _, item := range n.items {
			if strings.EqualFold(item.key, key) && item.kind == scalar && item.short() {
				return item.text
			}
		}
	}
	return ""
}

// longText is from how many bytes on a text is a paragraph of its own.
const longText = 200

// short reports whether a scalar fits on a line.
func (n node) short() bool { return len(n.text) <= longText && !strings.Contains(n.text, "\n") }

// inline returns a value on one line, cut off once it has more than most bytes.
func (n node) inline(most int) string {
	var b strings.Builder
	n.writeInline(&b, most, false)
	return b.String()
}

// writeInline writes a value on one line. Objects in others have braces.
func (n node) writeInline(b *strings.Builder, most int, nested bool) {
	if n.kind == scalar {
		b.WriteString(strings.Join(strings.Fields(n.text), " "))
		return
	}
	brackets := [...]string{object: "{}", array: "[]"}[n.kind]
	if nested {
		b.WriteByte(brackets[0])
	}
	for i, item := range n.items {
		if b.Len() > most {
			return
		}
		if i > 0 {
			b.WriteString(", ")
		}
		if n.kind == object {
			b.WriteString(item.key + ": ")
		}
		item.writeInline(b, most, true)
	}
	if nested {
		b.WriteByte(brackets[1])
	}
}

// A source reads records: the values of an array at the top, and the values that
// stand one after another.
type source struct {
	ended   func() error // why to stop; nil to go on
	decoder *json.Decoder
	limits  Limits
	array   bool // the records are those of an array
	inside  bool // we are in that array
	values  int  // of this record
	records int
	keys    map[string]string // so that a key that comes a million times is stored once
}

// maxKeys is how many keys are remembered.
const maxKeys = 10_000

// key returns a key on one line.
func (s *source) key(token json.Token) string {
	raw, _ := token.(string)
	if known, ok := s.keys[raw]; ok {
		return known
	}
	key := strings.Join(strings.Fields(raw), " ")
	if len(s.keys) < maxKeys {
		s.keys[raw] = key
	}
	return key
}

// next returns the next record, io.EOF after the last.
func (s *source) next() (node, error) {
	s.values = 0
	for {
		if s.inside && !s.decoder.More() {
			if _, err := s.decoder.Token(); err != nil {
				return node{}, s.explain(err)
			}
			s.inside = false
		}
		token, err := s.decoder.Token()
		if errors.Is(err, io.EOF) && !s.inside {
			return node{}, io.EOF
		}
		if err != nil {
			return node{}, s.explain(err)
		}
		if token == json.Delim('[') && s.records == 0 && !s.array {
			s.array, s.inside = true, true
			continue
		}
		s.records++
		return s.value(token, 1)
	}
}

// value returns the value that begins with a token.
func (s *source) value(token json.Token, depth int) (node, error) {
	if s.values++; s.values > s.limits.Values {
		return node{}, fault.New(fault.TooLarge, fmt.Sprintf("A record has more than %d values", s.limits.Values))
	}
	if depth > s.limits.Depth {
		return node{}, fault.New(fault.TooLarge, fmt.Sprintf("The values nest more than %d deep", s.limits.Depth))
	}
	if s.values%1024 == 1 {
		if err := s.ended(); err != nil {
			return node{}, err
		}
	}
	delim, ok := token.(json.Delim)
	if !ok {
		return node{text: spelled(token)}, nil
	}
	n := node{kind: array}
	if delim == '{' {
		n.kind = object
	}
	for s.decoder.More() {
		key := ""
		if n.kind == object {
			token, err := s.decoder.Token()
			if err != nil {
				return node{}, s.explain(err)
			}
			key = s.key(token)
		}
		token, err := s.decoder.Token()
		if err != nil {
			return node{}, s.explain(err)
		}
		item, err := s.value(token, depth+1)
		if err != nil {
			return node{}, err
		}
		item.key = key
		n.items = append(n.items, item)
	}
	if _, err := s.decoder.Token(); err != nil { // its end
		return node{}, s.explain(err)
	}
	return n, nil
}

// maxBlob is how many bytes without a space a text may have.
const maxBlob = 2000

// spelled returns a scalar as text. Null is none, and a file in base64 neither.
func spelled(token json.Token) string {
	switch v := token.(type) {
	case string:
		if len(v) > maxBlob && !strings.ContainsFunc(v, func(r rune) bool { return r <= ' ' || r > '~' }) {
			return fmt.Sprintf("(%d characters without a space)", len(v))
		}
		return strings.TrimSpace(strings.ReplaceAll(v, "\r\n", "\n"))
	case json.Number:
		return v.String()
	case bool:
		return fmt.Sprint(v)
	}
	return ""
}

// explain turns what the decoder says into a fault.
func (s *source) explain(err error) error {
	if err := s.ended(); err != nil {
		return err
	}
	where := fmt.Sprintf(" at byte %d", s.decoder.InputOffset())
	if s.records > 1 {
		where = fmt.Sprintf(" in record %d", s.records)
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fault.Wrap(fault.Invalid, "The file is no valid JSON: it ends in the middle of a value", io.ErrUnexpectedEOF)
	}
	if _, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fault.Wrap(fault.Invalid, "The file is no valid JSON: there is an "+err.Error()+where, err)
	}
	return fmt.Errorf("read the file: %w", err)
}
