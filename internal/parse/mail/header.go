package mail

import (
	"bytes"
	"encoding/base64"
	"net/mail"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"kvasir/internal/parse/charset"
	"kvasir/internal/parse/markdown"
)

const (
	maxHeaders = 2000
	maxValue   = 1 << 20 // bytes of a header
)

// A header has the fields of a mail or of a part of it, by their names in lower
// case. Of several with one name the first counts.
type header map[string]string

// splitHeader returns the fields before the first empty line, and what comes after
// it. A line that is no field ends them, too: it is where the text begins.
func splitHeader(data []byte) (header, []byte) {
	h := header{}
	name := ""
	var open []byte // the value of the field at work
	keep := func() {
		if _, twice := h[name]; name != "" && !twice && len(h) < maxHeaders {
			h[name] = string(open)
		}
		name, open = "", nil
	}
	for first := true; len(data) > 0; first = false {
		line, rest, _ := bytes.Cut(data, []byte("\n"))
		line = bytes.TrimRight(line, "\r")
		key, value, ok := bytes.Cut(line, []byte(":"))
		switch {
		case len(line) == 0:
			keep()
			return h, rest
		case first && bytes.HasPrefix(line, []byte("From ")), bytes.HasPrefix(line, []byte(">From ")): // an mbox
		case line[0] == ' ' || line[0] == '\t':
			if len(open)+len(line) < maxValue {
				open = append(append(open, '\n'), line...)
			}
		case !ok || !isName(key):
			keep()
			return h, data
		default:
			keep()
			name = strings.ToLower(string(bytes.TrimSpace(key)))
			open = bytes.Clone(value[:min(len(value), maxValue)])
		}
		data = rest
	}
	keep()
	return h, nil
}

// isName reports whether a field may be called so.
func isName(name []byte) bool {
	name = bytes.TrimRight(name, " \t")
	return len(name) > 0 && !bytes.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' })
}

// ofMail reports whether the header is one of a mail.
func (h header) ofMail() bool {
	for _, name := range []string{"from", "to", "subject", "date", "received", "message-id", "mime-version", "sender"} {
		if strings.TrimSpace(h[name]) != "" {
			return true
		}
	}
	return false
}

// text returns a field as a person reads it.
func (h header) text(name string) string {
	return clean(markdown.OneLine(decodeWords(charset.Decode([]byte(h[name])))))
}

// people returns who is named in a field.
func (h header) people(name string) []string {
	raw := charset.Decode([]byte(h[name]))
	if strings.TrimSpace(raw) == "" {
		return nil
	}
	var names []string
	for _, one := range splitQuoted(raw, ',') {
		one = strings.ReplaceAll(clean(markdown.OneLine(decodeWords(one))), `"`, "")
		if strings.HasPrefix(one, "<") { // an address without a name
			one = strings.Trim(one, "<>")
		}
		if one != "" {
			names = append(names, one)
		}
	}
	return names
}

// date returns when a mail was sent, in words if that can be read.
func (h header) date() string {
	raw := markdown.OneLine(h["date"])
	when, err := mail.ParseDate(raw)
	if err != nil {
		when, err = time.Parse(time.RFC3339, raw)
	}
	if err != nil {
		return h.text("date")
	}
	return when.Format(dateFormat)
}

const dateFormat = "Monday, 2 January 2006 15:04 -0700"

// decodeWords decodes what is written as =?charset?B?…?=. Characters may be cut in
// two by adjacent words, so those are decoded together.
func decodeWords(text string) string {
	var b strings.Builder
	var pending []byte // of the words before
	label, after := "", false
	flush := func() {
		b.WriteString(charset.Named(label, pending))
		pending, after = nil, false
	}
	for {
		between, found, ok := strings.Cut(text, "=?")
		if !ok {
			break
		}
		w, rest, ok := cutWord(found)
		if !ok {
			flush()
			b.WriteString(between + "=?")
			text = found
			continue
		}
		adjacent := after && strings.TrimSpace(between) == ""
		if !adjacent || w.charset != label {
			flush()
		}
		if !adjacent {
			b.WriteString(between)
		}
		label, after = w.charset, true
		pending = append(pending, w.data...)
		text = rest
	}
	flush()
	b.WriteString(text)
	return b.String()
}

// A word is what an encoded word says.
type word struct {
	charset string
	data    []byte
}

// maxWord is how long an encoded word may be. The standard allows 75 bytes.
const maxWord = 4096

// cutWord reads the encoded word that text begins with, after its "=?".
func cutWord(text string) (w word, rest string, ok bool) {
	head := text[:min(len(text), maxWord)]
	fields := strings.SplitN(head, "?", 3)
	if len(fields) < 3 || len(fields[1]) != 1 {
		return word{}, "", false
	}
	content, after, ok := strings.Cut(fields[2], "?=")
	rest = text[len(head)-len(after):]
	if !ok || strings.ContainsAny(fields[0], " \n") {
		return word{}, "", false
	}
	w.charset, _, _ = strings.Cut(strings.ToLower(fields[0]), "*") // a language may follow
	switch fields[1] {
	case "B", "b":
		w.data = base64Bytes([]byte(content))
	case "Q", "q":
		w.data = quotedPrintable([]byte(strings.ReplaceAll(content, "_", " ")))
	default:
		return word{}, "", false
	}
	return w, rest, true
}

// A value is a field such as Content-Type: a word, and parameters by their names.
type value struct {
	word   string // in lower case
	params map[string]string
}

// value returns a field's word and parameters, however they are written.
func (h header) value(name string) value {
	fields := splitQuoted(charset.Decode([]byte(h[name])), ';')
	v := value{params: map[string]string{}}
	v.word = strings.ToLower(strings.TrimSpace(fields[0]))
	pieces := map[string]map[int]string{} // of parameters in several fields
	for _, field := range fields[1:min(len(fields), 100)] {
		key, text, ok := strings.Cut(field, "=")
		if !ok {
			continue
		}
		key, text = strings.ToLower(strings.TrimSpace(key)), unquote(strings.TrimSpace(text))
		base, suffix, extended := strings.Cut(key, "*")
		if !extended {
			if _, twice := v.params[key]; !twice {
				v.params[key] = decodeWords(text)
			}
			continue
		}
		number, _ := strconv.Atoi(strings.TrimSuffix(suffix, "*"))
		if pieces[base] == nil {
			pieces[base] = map[int]string{}
		}
		if !strings.HasSuffix(key, "*") {
			text = url.PathEscape(text)
		}
		pieces[base][number] = text
	}
	for base, texts := range pieces {
		v.params[base] = extendedValue(texts)
	}
	return v
}

// extendedValue joins the pieces of a parameter, the first of which may begin with
// a character set: utf-8'en'na%C3%AFve.
func extendedValue(pieces map[int]string) string {
	var numbers []int
	for n := range pieces {
		numbers = append(numbers, n)
	}
	slices.Sort(numbers)
	joined := ""
	for _, n := range numbers {
		joined += pieces[n]
	}
	label := ""
	if parts := strings.SplitN(joined, "'", 3); len(parts) == 3 {
		label, joined = parts[0], parts[2]
	}
	data, err := url.PathUnescape(joined)
	if err != nil {
		return joined
	}
	return charset.Named(label, []byte(data))
}

// splitQuoted cuts text at separators outside of quotes.
func splitQuoted(text string, separator byte) []string {
	var fields []string
	quoted, start := false, 0
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case c == separator && !quoted:
			fields = append(fields, text[start:i])
			start = i + 1
		}
	}
	return append(fields, text[start:])
}

// unquote returns what is in quotes.
func unquote(text string) string {
	if !strings.HasPrefix(text, `"`) {
		return text
	}
	text = strings.TrimSuffix(text[1:], `"`)
	return strings.NewReplacer(`\\`, `\`, `\"`, `"`).Replace(text)
}

// base64Bytes decodes base64 in which anything else may stand.
func base64Bytes(data []byte) []byte {
	kept := make([]byte, 0, len(data))
	for _, c := range data {
		if c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '+' || c == '/' {
			kept = append(kept, c)
		}
	}
	if len(kept)%4 == 1 {
		kept = kept[:len(kept)-1]
	}
	n, err := base64.RawStdEncoding.Decode(kept, kept)
	if err != nil {
		return kept[:max(n, 0)]
	}
	return kept[:n]
}

// quotedPrintable decodes quoted-printable text. What is no code stays as it is.
func quotedPrintable(data []byte) []byte {
	out := make([]byte, 0, len(data))
	for len(data) > 0 {
		i := bytes.IndexByte(data, '=')
		if i < 0 {
			return append(out, data...)
		}
		out = append(out, data[:i]...)
		data = data[i+1:]
		// At the end of a line, it goes on. Spaces may have been added there.
		end := len(data) - len(bytes.TrimLeft(data, " \t\r"))
		if end == len(data) || data[end] == '\n' {
			data = data[min(end+1, len(data)):]
			continue
		}
		if code, err := strconv.ParseUint(string(data[:min(len(data), 2)]), 16, 8); err == nil && len(data) >= 2 {
			out = append(out, byte(code))
			data = data[2:]
			continue
		}
		out = append(out, '=')
	}
	return out
}
