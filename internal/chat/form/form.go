// Package form holds answers to a JSON schema.
//
// A schema comes from a client, so it is hostile: nothing that it refers to is fetched,
// its patterns run in linear time, and one that would take long to hold a value to is
// refused before it is tried ([cost]).
package form

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"kvasir/internal/fault"
	"kvasir/internal/llm"
)

// field is what a client calls the schema.
const field = "response_format.json_schema.schema"

const (
	// maxSteps is how many looks of a schema at a part of an answer there may be.
	maxSteps = 1e6
	// maxAnswer is how many bytes an answer may have.
	maxAnswer = 1 << 20
	// maxWords is how many bytes of what is wrong are told.
	maxWords = 1000
)

// A Form is a schema that answers are held to. It is safe for concurrent use.
type Form struct {
	schema *jsonschema.Schema
	raw    any // as parsed
}

// New returns a form, or Invalid with what is wrong with the schema.
func New(s *llm.Schema) (*Form, error) {
	raw, err := jsonschema.UnmarshalJSON(bytes.NewReader(s.JSON))
	if err != nil {
		return nil, fault.New(fault.Invalid, field+": it is not JSON")
	}
	if _, err := cost(raw, 1); err != nil {
		return nil, fault.New(fault.Invalid, field+": "+err.Error())
	}
	c := jsonschema.NewCompiler()
	c.UseLoader(nowhere{})
	c.AssertFormat()
	const place = "schema.json"
	if err := c.AddResource(place, raw); err != nil {
		return nil, fault.New(fault.Invalid, field+": "+brief(err))
	}
	schema, err := c.Compile(place)
	if err != nil {
		return nil, fault.New(fault.Invalid, field+": "+brief(err))
	}
	return &Form{schema: schema, raw: raw}, nil
}

// nowhere loads nothing: a schema is all that was sent.
type nowhere struct{}

// Load implements [jsonschema.URLLoader].
func (nowhere) Load(url string) (any, error) {
	return nil, fmt.Errorf("%s is not looked up; put what it says under $defs", url)
}

// Read returns the value in what a model has said, without a fence or words around it,
// or what is wrong with it in words that a model understands.
func (f *Form) Read(said string) (value string, wrong error) {
	if len(said) > maxAnswer {
		return "", errors.New("it is too long")
	}
	last := errors.New("it is not a JSON value")
	for _, text := range candidates(said) {
		parsed, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
		if err != nil {
			continue
		}
		if last = f.check(parsed); last == nil {
			var out bytes.Buffer
			if err := json.Compact(&out, []byte(text)); err != nil {
				return "", err
			}
			return out.String(), nil
		}
	}
	return "", last
}

// candidates returns what the value may be: all of it, what is between fences, the first
// object.
func candidates(said string) []string {
	said = strings.TrimSpace(said)
	out := []string{said}
	if _, rest, ok := strings.Cut(said, "```"); ok {
		if _, rest, ok = strings.Cut(rest, "\n"); ok {
			inside, _, _ := strings.Cut(rest, "```")
			out = append(out, strings.TrimSpace(inside))
		}
	}
	if object, ok := llm.FindObject(said); ok {
		out = append(out, string(object))
	}
	return out
}

// check holds a value to the schema.
func (f *Form) check(value any) error {
	depth, parts := sizeOf(value)
	if steps, err := cost(f.raw, depth); err != nil || steps*float64(parts) > maxSteps {
		return errors.New("it has too many parts to be held to the schema")
	}
	if err := f.schema.Validate(value); err != nil {
		return errors.New(brief(err))
	}
	return nil
}

// brief says what is wrong, without where the schema is said to lie.
func brief(err error) string {
	var text string
	if v, ok := errors.AsType[*jsonschema.ValidationError](err); ok {
		text = strings.Join(leaves(v, nil), "; ")
	} else {
		text = err.Error()
		if i := strings.Index(text, "schema.json"); i >= 0 {
			text = text[i+len("schema.json"):]
		}
		text = strings.Trim(text, "#/:'\" \n")
		text = strings.ReplaceAll(text, "\n", " ")
	}
	if len(text) > maxWords {
		text = strings.ToValidUTF8(text[:maxWords], "") + "…"
	}
	return text
}

// leaves are the innermost faults of a value, each with its place.
func leaves(v *jsonschema.ValidationError, out []string) []string {
	if len(v.Causes) == 0 {
		place := "/" + strings.Join(v.InstanceLocation, "/")
		return append(out, place+": "+v.ErrorKind.LocalizedString(message.NewPrinter(language.English)))
	}
	for _, cause := range v.Causes {
		if len(out) < 10 {
			out = leaves(cause, out)
		}
	}
	return out
}

// sizeOf returns how deep a value is, and of how many values it is made.
func sizeOf(value any) (depth, parts int) {
	inner := func(v any) {
		d, n := sizeOf(v)
		depth, parts = max(depth, d), parts+n
	}
	switch v := value.(type) {
	case map[string]any:
		for _, member := range v {
			inner(member)
		}
	case []any:
		for _, item := range v {
			inner(item)
		}
	}
	return depth + 1, parts + 1
}
