package field

import (
	"bytes"
	"encoding/json"
	"strings"

	"kvasir/internal/memo"
)

// Encode writes v, a value that JSON can hold, without escaping HTML.
func Encode(v any) []byte {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil { // v is of a type of ours: a bug
		panic(err)
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n"))
}

// shown spells a JSON value as JavaScript's string conversion does, cut to a
// length that is bearable in an error.
func shown(raw []byte) string {
	var text string
	switch KindOf(raw) {
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
	return Cut(text, 100)
}

// MaxUnits is the longest short text (title, source, reference id) in
// UTF-16 units.
const MaxUnits = 255

// TooLong reports whether a short text is longer than [MaxUnits].
func TooLong(s string) bool { return len(s) > MaxUnits && memo.UTF16Len(s) > MaxUnits }

// Cut returns the first n UTF-16 units of s at most, whole characters only.
func Cut(s string, n int) string {
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
