package field

import (
	"bytes"
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
)

// KindOf returns JSON's name of a value's kind.
func KindOf(raw []byte) string {
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
			return Expected("boolean", kind)
		}
		*v = raw[0] == 't'
	case *float64:
		return decodeNumber(raw, kind, v)
	case *int:
		return decodeInteger(raw, kind, v)
	case *Date:
		return decodeDate(raw, kind, v)
	case *[]string:
		return decodeTexts(raw, kind, v)
	case *map[string]string:
		return decodeTextMap(raw, kind, v)
	case *map[string]any:
		return decodeObject(raw, kind, v)
	default: // a struct of fields
		if kind != "object" {
			return Expected("object", kind)
		}
		return syntax(json.Unmarshal(raw, into))
	}
	return ""
}

// In memory, small values take many times the bytes that they have in JSON. These bound
// what a body of the largest size can be blown up to.
const (
	maxItems  = 10_000  // of a list that are looked at: beyond what any may have
	maxObject = 1 << 20 // bytes of an object of anybody's own keys
	tooLarge  = "Must not be larger than 1 MiB"
)

// Expected says that a value is of another kind.
func Expected(want, got string) string { return "Expected " + want + ", received " + got }

// NoNUL is what is said of texts with a NUL character.
const NoNUL = "NUL characters are not allowed" // PostgreSQL cannot store them

func decodeText(raw []byte, kind string, into *string) string {
	if kind != "string" {
		return Expected("string", kind)
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return syntax(err)
	}
	if strings.ContainsRune(*into, 0) {
		return NoNUL
	}
	return ""
}

func decodeNumber(raw []byte, kind string, into *float64) string {
	if kind != "number" {
		return Expected("number", kind)
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
		return Expected("integer", "float")
	}
	*into = int(max(math.MinInt32, min(math.MaxInt32, number)))
	return ""
}

func decodeTexts(raw []byte, kind string, into *[]string) string {
	if kind != "array" {
		return Expected("array", kind)
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	if _, err := d.Token(); err != nil {
		return syntax(err)
	}
	texts := []string{}
	for d.More() && len(texts) <= maxItems {
		var item json.RawMessage
		if err := d.Decode(&item); err != nil {
			return syntax(err)
		}
		var text string
		if wrong := decodeText(item, KindOf(item), &text); wrong != "" {
			return wrong
		}
		texts = append(texts, text)
	}
	*into = texts
	return ""
}

func decodeTextMap(raw []byte, kind string, into *map[string]string) string {
	if kind != "object" {
		return Expected("object", kind)
	}
	if len(raw) > maxObject {
		return tooLarge
	}
	var items map[string]json.RawMessage
	if err := json.Unmarshal(raw, &items); err != nil {
		return syntax(err)
	}
	texts := make(map[string]string, len(items))
	for key, item := range items {
		var text string
		if strings.ContainsRune(key, 0) {
			return NoNUL
		}
		if wrong := decodeText(item, KindOf(item), &text); wrong != "" {
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
		return Expected("object", kind)
	}
	if len(raw) > maxObject {
		return tooLarge
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if err := d.Decode(into); err != nil {
		return syntax(err)
	}
	if HasNUL(*into) {
		return NoNUL
	}
	return ""
}

// HasNUL reports whether a decoded JSON value holds a NUL character.
func HasNUL(v any) bool {
	switch v := v.(type) {
	case string:
		return strings.ContainsRune(v, 0)
	case []any:
		return slices.ContainsFunc(v, HasNUL)
	case map[string]any:
		for key, item := range v {
			if strings.ContainsRune(key, 0) || HasNUL(item) {
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
