package schema

import (
	"bytes"
	"encoding/json"
	"slices"
)

// A form is what the value of a keyword is.
type form int

const (
	value form = iota + 1 // no schema
	one                   // a schema
	many                  // a list of schemas
	named                 // an object of schemas
)

// notes are the keywords that change nothing about what is valid.
var notes = []string{
	"$schema", "$id", "$comment", "title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly",
}

// openAIWords are the keywords of OpenAI's strict mode.
var openAIWords = map[string]form{
	"type": value, "title": value, "description": value, "enum": value, "const": value, "required": value,
	"additionalProperties": value, "$ref": value, "pattern": value, "format": value, "multipleOf": value,
	"minimum": value, "maximum": value, "exclusiveMinimum": value, "exclusiveMaximum": value,
	"minItems": value, "maxItems": value,
	"items": one, "anyOf": many, "properties": named, "$defs": named, "definitions": named,
}

// openAIFormats are the formats of strings that it knows.
var openAIFormats = []string{
	"date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid",
}

// geminiWords are the keywords of Gemini's responseJsonSchema, and const, which is
// said by enum.
var geminiWords = map[string]form{
	"type": value, "title": value, "description": value, "enum": value, "const": value, "required": value,
	"format": value, "minimum": value, "maximum": value, "minItems": value, "maxItems": value, "$ref": value,
	"items": one, "additionalProperties": one, "anyOf": many, "oneOf": many, "prefixItems": many,
	"properties": named, "$defs": named,
}

// A dialect is the subset of JSON schema that a provider knows.
type dialect struct {
	words map[string]form
	// check looks at each schema when its keywords are known to be right, may change
	// it, and reports whether it still says all it did.
	check func(*object) bool
	depth int // how many schemas may be in each other
}

// fit returns a schema in the dialect, and whether that says all of it. The order of
// properties stays: it is the one in which models write them.
func (d dialect) fit(schema []byte) (out json.RawMessage, whole bool) {
	if d.depth--; d.depth < 0 {
		return json.RawMessage("{}"), false
	}
	o, ok := members(schema)
	if !ok { // true, false, or nonsense
		return json.RawMessage("{}"), string(bytes.TrimSpace(schema)) == "true" && d.check(&object{})
	}
	whole = true
	var kept object
	for _, m := range o {
		form, known := d.words[m.name]
		if !known {
			whole = whole && slices.Contains(notes, m.name)
			continue
		}
		fitted, all := d.value(form, m)
		whole = whole && all
		kept = append(kept, member{m.name, fitted})
	}
	whole = d.check(&kept) && whole
	return kept.json(), whole
}

// value fits what a keyword says.
func (d dialect) value(f form, m member) (json.RawMessage, bool) {
	switch f {
	case one:
		if m.name == "additionalProperties" && string(bytes.TrimSpace(m.value)) == "false" {
			return m.value, true
		}
		return d.fit(m.value)
	case many:
		var list []json.RawMessage
		if json.Unmarshal(m.value, &list) != nil {
			return json.RawMessage("[]"), false
		}
		whole := true
		for i, schema := range list {
			fitted, all := d.fit(schema)
			list[i], whole = fitted, whole && all
		}
		return join('[', list, ']'), whole
	case named:
		o, whole := members(m.value)
		for i := range o {
			fitted, all := d.fit(o[i].value)
			o[i].value, whole = fitted, whole && all
		}
		return o.json(), whole
	}
	return m.value, true
}

// An object is a JSON object with its order.
type object []member

type member struct {
	name  string
	value json.RawMessage
}

// members reads an object. It reports false for anything else.
func members(text []byte) (object, bool) {
	d := json.NewDecoder(bytes.NewReader(text))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, false
	}
	var o object
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, false
		}
		var m member
		m.name, _ = name.(string) // names of an object are strings
		if d.Decode(&m.value) != nil {
			return nil, false
		}
		o = append(o, m)
	}
	_, err := d.Token()
	return o, err == nil
}

// get returns the value of a member, nil if there is none.
func (o object) get(name string) json.RawMessage {
	for _, m := range o {
		if m.name == name {
			return m.value
		}
	}
	return nil
}

// drop removes a member.
func (o *object) drop(name string) {
	*o = slices.DeleteFunc(*o, func(m member) bool { return m.name == name })
}

// json writes the object.
func (o object) json() json.RawMessage {
	list := make([]json.RawMessage, len(o))
	for i, m := range o {
		name, _ := json.Marshal(m.name) // a string always can be
		list[i] = slices.Concat(name, []byte(":"), m.value)
	}
	return join('{', list, '}')
}

func join(open byte, list []json.RawMessage, end byte) json.RawMessage {
	out := []byte{open}
	for i, text := range list {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, text...)
	}
	return append(out, end)
}
