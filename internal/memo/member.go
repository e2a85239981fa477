package memo

import (
	"bytes"
	"encoding/json"
)

// member returns the value of a key of a JSON object, nil if it has none; of
// equal keys the last counts. A filter asks this of every memo of a project, so
// it walks through the bytes once and decodes nothing that it passes. Bytes that
// are no object give nil, or anything: metadata was checked when it came in.
func member(object json.RawMessage, key string) json.RawMessage {
	var found json.RawMessage
	i := skipSpace(object, 0)
	if i == len(object) || object[i] != '{' {
		return nil
	}
	for i++; ; i++ {
		i = skipSpace(object, i)
		end := skipValue(object, i)
		if end == i || object[i] != '"' {
			return found
		}
		name := object[i:end]
		i = skipSpace(object, end)
		if i == len(object) || object[i] != ':' {
			return found
		}
		i = skipSpace(object, i+1)
		end = skipValue(object, i)
		if isName(name, key) {
			found = object[i:end]
		}
		i = skipSpace(object, end)
		if i == len(object) || object[i] != ',' {
			return found
		}
	}
}

// isName reports whether the JSON string quoted says key.
func isName(quoted json.RawMessage, key string) bool {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return len(quoted) >= 2 && string(quoted[1:len(quoted)-1]) == key
	}
	return text(quoted) == key
}

func skipSpace(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\t' || b[i] == '\n' || b[i] == '\r') {
		i++
	}
	return i
}

// skipValue returns the end of the value that begins at i.
func skipValue(b []byte, i int) int {
	for depth := 0; i < len(b); {
		switch b[i] {
		case '"':
			i = skipString(b, i)
		case '{', '[':
			depth++
			i++
		case '}', ']':
			if depth == 0 {
				return i
			}
			depth--
			i++
		case ',', ':', ' ', '\t', '\n', '\r':
			if depth == 0 {
				return i
			}
			i++
			continue
		default:
			i++
			if depth == 0 && (i == len(b) || !isLiteral(b[i])) {
				return i
			}
			continue
		}
		if depth == 0 {
			return i
		}
	}
	return i
}

// isLiteral reports whether c may continue a number, true, false or null.
func isLiteral(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || c == 'E' || c == '.' || c == '+' || c == '-'
}

// skipString returns the end of the string that begins at i.
func skipString(b []byte, i int) int {
	for i++; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(b)
}
