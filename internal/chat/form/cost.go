package form

import (
	"errors"
	"fmt"
	"strings"
)

// maxDepth bounds for how deep a value the cost of a schema is reckoned.
const maxDepth = 64

// cost returns how many schemas look at a value of a depth at most, lists counted as one
// item: a few lines of references that double each other's work can ask for more than any
// machine has. Schemas that refer to others outside, or to themselves without looking at
// a part of the value, are refused.
func cost(schema any, depth int) (float64, error) {
	r := reckoner{root: schema, known: map[place]float64{}, open: map[place]bool{}}
	steps := r.of(schema, "", min(depth, maxDepth))
	if r.wrong == nil && steps > maxSteps {
		r.wrong = errors.New("it is too complex: its references multiply")
	}
	return steps, r.wrong
}

type reckoner struct {
	root  any
	known map[place]float64
	open  map[place]bool // in progress
	wrong error
}

// A place is a schema by its pointer, at a depth of the value.
type place struct {
	pointer string
	depth   int
}

func (r *reckoner) of(schema any, pointer string, depth int) float64 {
	o, ok := schema.(map[string]any)
	if !ok || depth <= 0 || r.wrong != nil {
		return 1
	}
	at := place{pointer, depth}
	if steps, ok := r.known[at]; ok {
		return steps
	}
	if r.open[at] {
		r.wrong = fmt.Errorf("%s refers to itself without end", "#"+pointer)
		return 1
	}
	r.open[at] = true
	steps := 1.0
	for name, value := range o {
		steps = min(steps+r.keyword(name, value, pointer+"/"+name, depth), 10*maxSteps)
	}
	delete(r.open, at)
	r.known[at] = steps
	return steps
}

// keyword returns what one keyword of a schema costs.
func (r *reckoner) keyword(name string, value any, pointer string, depth int) float64 {
	switch name {
	case "$ref":
		return r.reference(value, depth)
	case "$dynamicRef", "$recursiveRef":
		r.wrong = fmt.Errorf("%s is not supported; use $ref", name)
	case "allOf", "anyOf", "oneOf":
		return r.list(value, pointer, depth)
	case "not", "if", "then", "else":
		return r.of(value, pointer, depth)
	case "dependentSchemas", "dependencies":
		return r.named(value, pointer, depth)
	case "properties", "patternProperties":
		return r.named(value, pointer, depth-1)
	case "prefixItems":
		return r.list(value, pointer, depth-1)
	case "items":
		if _, list := value.([]any); list {
			return r.list(value, pointer, depth-1)
		}
		return r.of(value, pointer, depth-1)
	case "additionalProperties", "additionalItems", "unevaluatedProperties", "unevaluatedItems", "contains",
		"propertyNames":
		return r.of(value, pointer, depth-1)
	}
	return 0
}

func (r *reckoner) list(value any, pointer string, depth int) (steps float64) {
	list, _ := value.([]any)
	for i, schema := range list {
		steps += r.of(schema, fmt.Sprint(pointer, "/", i), depth)
	}
	return steps
}

func (r *reckoner) named(value any, pointer string, depth int) (steps float64) {
	object, _ := value.(map[string]any)
	for name, schema := range object {
		steps += r.of(schema, pointer+"/"+name, depth)
	}
	return steps
}

// reference follows a pointer into the schema itself.
func (r *reckoner) reference(value any, depth int) float64 {
	text, _ := value.(string)
	pointer, inside := strings.CutPrefix(text, "#")
	if !inside || pointer != "" && pointer[0] != '/' {
		r.wrong = fmt.Errorf("$ref %q is not looked up; refer to what is under $defs, as in #/$defs/name", text)
		return 1
	}
	target := r.root
	for part := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		if pointer == "" {
			break
		}
		name := strings.NewReplacer("~1", "/", "~0", "~", "%25", "%").Replace(part)
		switch v := target.(type) {
		case map[string]any:
			target = v[name]
		case []any:
			var i int
			if _, err := fmt.Sscan(name, &i); err != nil || i < 0 || i >= len(v) {
				return 1
			}
			target = v[i]
		}
	}
	return r.of(target, pointer, depth)
}
