package exchange

import (
	"bytes"
	"strconv"
)

// liftedFrom is the length in bytes from which a text is worth being lifted.
const liftedFrom = 256

// lift takes long strings and long arrays of numbers out of a JSON text and leaves
// a reference in the place of each. What remains is short, and decoding it cheap.
// A text that is not JSON stays so, and is refused by whoever decodes it.
func lift(data []byte) (short []byte, long [][]byte) {
	for len(data) > 0 {
		at := bytes.IndexAny(data, `"[`)
		if at < 0 {
			break
		}
		end := 0
		if data[at] == '"' {
			end = stringEnd(data[at+1:]) + at + 2
		} else {
			end = numbersEnd(data[at+1:]) + at + 2
		}
		switch {
		case end < at+2 && data[at] == '"': // it never ends
			return append(short, data...), long
		case end < at+2: // an array of something else
			end = at + 1
		case end-at >= liftedFrom:
			short = append(short, data[:at]...)
			short = append(strconv.AppendInt(append(short, reference...), int64(len(long)), 10), '"')
			long = append(long, data[at:end])
			data = data[end:]
			continue
		}
		short = append(short, data[:end]...)
		data = data[end:]
	}
	return append(short, data...), long
}

// reference is how the string in the place of a lifted text begins. No vector does.
const reference = `"@`

// restore returns the text that raw stands for.
func restore(raw []byte, long [][]byte) []byte {
	number, ok := bytes.CutPrefix(raw, []byte(reference))
	if !ok {
		return raw
	}
	n, err := strconv.Atoi(string(bytes.TrimSuffix(number, []byte{'"'})))
	if err != nil || n < 0 || n >= len(long) {
		return raw
	}
	return long[n]
}

// stringEnd returns where the string that data begins with, without its first
// quote, has its last; less than 0 if it has none.
func stringEnd(data []byte) int {
	for from := 0; ; {
		at := bytes.IndexByte(data[from:], '"')
		if at < 0 {
			return -2
		}
		at += from
		escapes := 0
		for at > escapes && data[at-escapes-1] == '\\' {
			escapes++
		}
		if escapes%2 == 0 {
			return at
		}
		from = at + 1
	}
}

// numbersEnd returns where the array that data begins with, without its bracket,
// ends; less than 0 if it does not hold numbers only.
func numbersEnd(data []byte) int {
	start := bytes.TrimLeft(data[:min(len(data), 8)], " \t\r\n")
	if len(start) == 0 || start[0] != '-' && (start[0] < '0' || start[0] > '9') {
		return -2
	}
	end := bytes.IndexByte(data, ']')
	if end < 0 || bytes.IndexByte(data[:end], '"') >= 0 || bytes.IndexByte(data[:end], '[') >= 0 {
		return -2
	}
	return end
}
