package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"kvasir/client"
)

// searchOptions are how a run searches, and how that was written.
type searchOptions struct {
	text      string
	retrieval *client.Retrieval // nil for the defaults
}

// UnmarshalText reads fusion=rrf,diversity=0.3.
func (o *searchOptions) UnmarshalText(text []byte) error {
	o.text, o.retrieval = string(text), &client.Retrieval{}
	return decodeOptions(o.text, o.retrieval)
}

// decodeOptions fills into from words such as fusion=rrf,recency.weight=0.5, by the
// names of its JSON. A value that is no number, true or false is a text.
func decodeOptions(text string, into any) error {
	object := map[string]any{}
	for part := range strings.SplitSeq(text, ",") {
		name, value, _ := strings.Cut(part, "=")
		if name == "" || value == "" {
			return fmt.Errorf("%q is no option; they are written as fusion=rrf,diversity=0.3", part)
		}
		place := object
		if outer, inner, nested := strings.Cut(name, "."); nested {
			name = inner
			if object[outer] == nil {
				object[outer] = map[string]any{}
			}
			var ok bool
			if place, ok = object[outer].(map[string]any); !ok {
				return fmt.Errorf("%s has a value of its own already", outer)
			}
		}
		if _, twice := place[name]; twice {
			return fmt.Errorf("%s is there twice", name)
		}
		place[name] = scalar(value)
	}
	raw, err := json.Marshal(object)
	if err != nil {
		return err
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	err = decoder.Decode(into)
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fmt.Errorf("%s cannot be a %s", wrong.Field, wrong.Value)
	}
	if err != nil {
		return errors.New(strings.Replace(err.Error(), "json: unknown field", "there is no option", 1))
	}
	return nil
}

// scalar reads a value.
func scalar(text string) any {
	var value any
	if json.Unmarshal([]byte(text), &value) != nil {
		return text
	}
	switch value.(type) {
	case float64, bool:
		return value
	}
	return text
}
