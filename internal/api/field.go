package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"kvasir/internal/memo"
)

// A field is a value in a request body that remembers how it was sent. Decoding
// it never fails: a type's validate says what is wrong, all at once and in the
// wire's words, for which it must tell absent, null and mistaken apart.
type field[T any] struct {
	value T
	sent  string // JSON's name of what was sent: "null", "string"…; "" when absent
	wrong string // what is wrong with it, in words
	shown string // what was sent, as the wire shows it when it is wrong
}

// given reports whether there is something other than null, right or wrong.
func (f field[T]) given() bool { return f.sent != "" && f.sent != "null" }

// isBlank reports whether a text is missing or says nothing.
func isBlank(f field[string]) bool { return f.wrong == "" && strings.TrimSpace(f.value) == "" }

// UnmarshalJSON notes what was sent.
func (f *field[T]) UnmarshalJSON(raw []byte) error {
	*f = field[T]{sent: kindOf(raw)}
	if f.sent == "null" {
		return nil
	}
	if f.wrong = decode(raw, f.sent, &f.value); f.wrong != "" {
		f.shown = shown(raw)
	}
	return nil
}

// Schema documents a field as what it holds.
func (f field[T]) Schema(r huma.Registry) *huma.Schema {
	s := r.Schema(reflect.TypeFor[T](), true, "")
	s.Nullable = false // huma's guess for lists; the tag nullable says which are
	return s
}

// kindOf returns JSON's name of a value's kind.
func kindOf(raw []byte) string {
	switch raw[0] {
	case '"':
		return "string"
	case '{':
		return "object"
	case '[':
		return "array"
	case 't', 'f':
		return "boolean"
	case 'n':
		return "null"
	}
	return "number"
}

// decode reads a value that is not null, and returns what is wrong with it.
func decode(raw []byte, kind string, into any) (wrong string) {
	switch v := into.(type) {
	case *string:
		return decodeText(raw, kind, v)
	case *bool:
		if kind != "boolean" {
			return expected("boolean", kind)
		}
		*v = raw[0] == 't'
	case *float64:
		return decodeNumber(raw, kind, v)
	case *int:
		return decodeInteger(raw, kind, v)
	case *date:
		return decodeDate(raw, kind, v)
	case *[]string:
		return decodeTexts(raw, kind, v)
	case *map[string]string:
		return decodeTextMap(raw, kind, v)
	case *map[string]any:
		return decodeObject(raw, kind, v)
	default: // a struct of fields
		if kind != "object" {
			return expected("object", kind)
		}
		return syntax(json.Unmarshal(raw, into))
	}
	return ""
}

// encode writes v, a value that JSON can hold, without escaping HTML.
func encode(v any) []byte {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil { // v is of a type of ours: a bug
		panic(err)
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n"))
}

// explain documents the fields of a request body that are named in pairs with
// their texts. Tags hold what is checked, this what is told.
func explain(s *huma.Schema, pairs ...string) *huma.Schema {
	for pair := range slices.Chunk(pairs, 2) {
		s.Properties[pair[0]].Description = pair[1]
	}
	return s
}

// mayBeNull documents objects that may be null, which their tags cannot.
func mayBeNull(s *huma.Schema, names ...string) *huma.Schema {
	for _, name := range names {
		s.Properties[name] = &huma.Schema{OneOf: []*huma.Schema{s.Properties[name], {Type: "null"}}}
	}
	return s
}

func expected(want, got string) string { return "Expected " + want + ", received " + got }

const noNUL = "NUL characters are not allowed" // PostgreSQL cannot store them

func decodeText(raw []byte, kind string, into *string) string {
	if kind != "string" {
		return expected("string", kind)
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return syntax(err)
	}
	if strings.ContainsRune(*into, 0) {
		return noNUL
	}
	return ""
}

func decodeNumber(raw []byte, kind string, into *float64) string {
	if kind != "number" {
		return expected("number", kind)
	}
	*into, _ = strconv.ParseFloat(string(raw), 64) // out of range is infinite, which every bound refuses
	return ""
}

func decodeInteger(raw []byte, kind string, into *int) string {
	var number float64
	if wrong := decodeNumber(raw, kind, &number); wrong != "" {
		return wrong
	}
	if math.Trunc(number) != number {
		return expected("integer", "float")
	}
	*into = int(max(math.MinInt32, min(math.MaxInt32, number)))
	return ""
}

func decodeTexts(raw []byte, kind string, into *[]string) string {
	if kind != "array" {
		return expected("array", kind)
	}
	var items []json.RawMessage
	if err := json.Unmarshal(raw, &items); err != nil {
		return syntax(err)
	}
	texts := make([]string, len(items))
	for i, item := range items {
		if wrong := decodeText(item, kindOf(item), &texts[i]); wrong != "" {
			return wrong
		}
	}
	*into = texts
	return ""
}

func decodeTextMap(raw []byte, kind string, into *map[string]string) string {
	if kind != "object" {
		return expected("object", kind)
	}
	var items map[string]json.RawMessage
	if err := json.Unmarshal(raw, &items); err != nil {
		return syntax(err)
	}
	texts := make(map[string]string, len(items))
	for key, item := range items {
		var text string
		if strings.ContainsRune(key, 0) {
			return noNUL
		}
		if wrong := decodeText(item, kindOf(item), &text); wrong != "" {
			return wrong
		}
		texts[key] = text
	}
	*into = texts
	return ""
}

// decodeObject keeps numbers as they are spelled.
func decodeObject(raw []byte, kind string, into *map[string]any) string {
	if kind != "object" {
		return expected("object", kind)
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if err := d.Decode(into); err != nil {
		return syntax(err)
	}
	if hasNUL(*into) {
		return noNUL
	}
	return ""
}

// hasNUL reports whether a decoded JSON value holds a NUL character.
func hasNUL(v any) bool {
	switch v := v.(type) {
	case string:
		return strings.ContainsRune(v, 0)
	case []any:
		return slices.ContainsFunc(v, hasNUL)
	case map[string]any:
		for key, item := range v {
			if strings.ContainsRune(key, 0) || hasNUL(item) {
				return true
			}
		}
	}
	return false
}

func syntax(err error) string {
	if err == nil {
		return ""
	}
	return "Invalid JSON"
}

// shown spells a JSON value as JavaScript's string conversion does, cut to a
// length that is bearable in an error.
func shown(raw []byte) string {
	var text string
	switch kindOf(raw) {
	case "string":
		_ = json.Unmarshal(raw, &text) // it is valid: it came out of a decoded body
	case "object":
		text = "[object Object]"
	case "array":
		var items []json.RawMessage
		_ = json.Unmarshal(raw, &items)
		parts := make([]string, len(items))
		for i, item := range items {
			parts[i] = shown(item)
		}
		text = strings.Join(parts, ",")
	default:
		text = string(raw)
	}
	return cut(text, 100)
}

// cut returns the first n UTF-16 units of s at most, whole characters only.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for i, r := range s {
		n--
		if r > 0xffff {
			n--
		}
		if n < 0 {
			return s[:i]
		}
	}
	return s
}

// complaints collects what is wrong with a request.
type complaints []string

func (c *complaints) add(name, words string) { *c = append(*c, name+": "+words) }

// err returns the complaints as one error, or nil.
func (c complaints) err(separator string) error {
	if len(c) == 0 {
		return nil
	}
	return invalid(strings.Join(c, separator))
}

// check reports whether f holds a good value; it complains about a wrong one
// and about null.
func check[T any](c *complaints, name string, f field[T]) bool {
	if f.sent == "null" {
		var zero T
		c.add(name, decode([]byte("null"), "null", &zero))
		return false
	}
	return checkNullable(c, name, f)
}

// checkNullable is check for a field whose null means absent.
func checkNullable[T any](c *complaints, name string, f field[T]) bool {
	if f.wrong != "" {
		c.add(name, f.wrong)
	}
	return f.given() && f.wrong == ""
}

// maxTextUnits is the longest short text (title, source, reference id) in
// UTF-16 units.
const maxTextUnits = 255

// shortText checks a nullable text of at most maxTextUnits, and returns it or nil.
func shortText(c *complaints, name string, f field[string]) *string {
	if !checkNullable(c, name, f) {
		return nil
	}
	if tooLong(f.value) {
		c.add(name, fmt.Sprintf("String must contain at most %d character(s)", maxTextUnits))
		return nil
	}
	return &f.value
}

func tooLong(s string) bool { return len(s) > maxTextUnits && memo.UTF16Len(s) > maxTextUnits }

// validUTF8 replaces what is not UTF-8, as JSON's decoder does.
func validUTF8(s string) string { return strings.ToValidUTF8(s, string(utf8.RuneError)) }

// isTimeout reports whether err is a deadline of the connection.
func isTimeout(err error) bool {
	t, ok := errors.AsType[interface {
		error
		Timeout() bool
	}](err)
	return ok && t.Timeout()
}
