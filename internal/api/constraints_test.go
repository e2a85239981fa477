package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// forgiven lists what the description documents and the wire does not refuse.
var forgiven = map[string]string{
	"rag_config kind":               "section 5.1: a rag_config that is no object is treated as empty",
	"rag_config.query_rewrite kind": "section 5.1: so are its objects",
	"rag_config.vector_search kind": "section 5.1: so are its objects",
	"rag_config.reranking kind":     "section 5.1: so are its objects",
	"rag_config.references kind":    "section 5.1: so are its objects",
}

// A schema is what this test reads of JSON schema.
type schema struct {
	Ref                  string             `json:"$ref"`
	Type                 any                `json:"type"`
	OneOf                []schema           `json:"oneOf"`
	Properties           map[string]*schema `json:"properties"`
	Required             []string           `json:"required"`
	Items                *schema            `json:"items"`
	AdditionalProperties each               `json:"additionalProperties"`
	Enum                 []any              `json:"enum"`
	MinLength            *int               `json:"minLength"`
	MaxLength            *int               `json:"maxLength"`
	MaxItems             *int               `json:"maxItems"`
	Minimum              *float64           `json:"minimum"`
	Maximum              *float64           `json:"maximum"`
	Pattern              string             `json:"pattern"`
}

// An each is the schema of an object's further properties; nil for any.
type each struct{ *schema }

func (e *each) UnmarshalJSON(raw []byte) error {
	if string(raw) == "true" || string(raw) == "false" {
		return nil
	}
	return json.Unmarshal(raw, &e.schema)
}

// A description is what this test reads of OpenAPI.
type description struct {
	Paths map[string]map[string]struct {
		OperationID string `json:"operationId"`
		Parameters  []struct {
			Name, In string
			Schema   *schema
		}
		RequestBody struct {
			Content map[string]struct {
				Schema  *schema
				Example map[string]any
			}
		}
	}
	Components struct{ Schemas map[string]*schema }
}

func readDescription(t *testing.T) *description {
	raw, err := os.ReadFile(filepath.Join("..", "..", "doc", "openapi.json"))
	if err != nil {
		t.Fatal(err)
	}
	var d description
	if err := json.Unmarshal(raw, &d); err != nil {
		t.Fatal(err)
	}
	return &d
}

// A violation is a value that breaks one documented constraint.
type violation struct {
	name  string
	value any
}

// kinds holds a value of each kind of JSON.
func kinds() map[string]any {
	return map[string]any{
		"string": "x", "number": 7.0, "boolean": true, "array": []any{[]any{}}, "object": map[string]any{}, "null": nil,
	}
}

// allowed returns the kinds that a schema allows; none means any.
func (d *description) allowed(s *schema) []string {
	s = d.resolve(s)
	switch kind := s.Type.(type) {
	case string:
		return []string{strings.Replace(kind, "integer", "number", 1)}
	case []any:
		var list []string
		for _, k := range kind {
			list = append(list, strings.Replace(k.(string), "integer", "number", 1))
		}
		return list
	}
	var list []string
	for _, one := range s.OneOf {
		list = append(list, d.allowed(&one)...)
	}
	return list
}

func (d *description) resolve(s *schema) *schema {
	if name, ok := strings.CutPrefix(s.Ref, "#/components/schemas/"); ok {
		return d.Components.Schemas[name]
	}
	return s
}

// violations returns values that each break one constraint of s.
func (d *description) violations(name string, s *schema, valid any) []violation {
	s = d.resolve(s)
	var list []violation
	if allowed := d.allowed(s); len(allowed) > 0 {
		for kind, value := range kinds() {
			if !slices.Contains(allowed, kind) {
				list = append(list, violation{name + " kind", value})
			}
		}
	}
	add := func(constraint string, value any) { list = append(list, violation{name + " " + constraint, value}) }
	if s.MinLength != nil {
		add("minLength", strings.Repeat("x", *s.MinLength-1))
	}
	if s.MaxLength != nil {
		add("maxLength", strings.Repeat("x", *s.MaxLength+1))
	}
	if s.MaxItems != nil {
		add("maxItems", slices.Repeat([]any{"x"}, *s.MaxItems+1))
	}
	if s.Minimum != nil {
		add("minimum", *s.Minimum-1)
	}
	if s.Maximum != nil {
		add("maximum", *s.Maximum+1)
	}
	if s.Enum != nil {
		add("enum", "nonsense")
	}
	if s.Pattern != "" {
		add("pattern", "§ nonsense")
	}
	for _, one := range s.OneOf {
		if one.Ref != "" {
			list = append(list, d.inside(name, d.resolve(&one), valid)...)
		}
	}
	return append(list, d.inside(name, s, valid)...)
}

// inside returns valid objects and lists in which one thing is wrong.
func (d *description) inside(name string, s *schema, valid any) []violation {
	var list []violation
	if s.Items != nil {
		item := any("x")
		if items, ok := valid.([]any); ok && len(items) > 0 {
			item = items[0]
		}
		for _, v := range d.violations(name+"[]", s.Items, item) {
			list = append(list, violation{v.name, []any{v.value}})
		}
	}
	if each := s.AdditionalProperties.schema; each != nil {
		for _, v := range d.violations(name+".*", each, nil) {
			list = append(list, violation{v.name, map[string]any{"x": v.value}})
		}
	}
	object, _ := valid.(map[string]any)
	for _, key := range s.Required {
		without := map[string]any{} // not null, if there is no valid one
		maps.Copy(without, object)
		delete(without, key)
		list = append(list, violation{name + "." + key + " required", without})
	}
	for key, property := range s.Properties {
		for _, v := range d.violations(strings.TrimPrefix(name+"."+key, "."), property, object[key]) {
			with := map[string]any{key: v.value}
			for k, v := range object {
				if k != key {
					with[k] = v
				}
			}
			list = append(list, violation{v.name, with})
		}
	}
	return list
}

// TestConstraintsAreRefused holds the edge to its own description: the examples
// are accepted, and whatever breaks a documented constraint is refused in words.
func TestConstraintsAreRefused(t *testing.T) {
	t.Parallel()
	d := readDescription(t)
	b := &backend{}
	base := serve(t, b.config(t))
	checked := 0
	for path, methods := range d.Paths {
		for method, op := range methods {
			id, err := b.Add(t.Context(), "p1", memoDraft("constraints"), nil)
			if err != nil {
				t.Fatal(err)
			}
			c := constrained{strings.ToUpper(method), base + strings.ReplaceAll(path, "{id}", string(id))}
			t.Run(op.OperationID, func(t *testing.T) {
				body, hasBody := op.RequestBody.Content["application/json"]
				for _, p := range op.Parameters {
					if p.In == "query" {
						checked += c.checkQuery(t, p.Name, d.violations(p.Name, p.Schema, nil), body.Example)
					}
				}
				if hasBody {
					checked += c.checkBody(t, d.violations("", body.Schema, body.Example), body.Example)
				}
			})
		}
	}
	if checked < 100 {
		t.Errorf("only %d constraints were checked", checked)
	}
}

// A constrained is an operation under test.
type constrained struct{ method, url string }

// checkBody sends the example, then every violation.
func (c constrained) checkBody(t *testing.T, violations []violation, example any) int {
	if status, words := do(t, c.method, c.url, marshal(t, example)); status >= 300 {
		t.Errorf("the example is answered with %d %q", status, words)
	}
	for _, v := range violations {
		c.check(t, v, c.url, marshal(t, v.value))
	}
	return len(violations)
}

// checkQuery sends every violation of a parameter. Kinds are left out: a query
// has one, which is text.
func (c constrained) checkQuery(t *testing.T, name string, violations []violation, example any) (checked int) {
	for _, v := range violations {
		if strings.HasSuffix(v.name, " kind") {
			continue
		}
		checked++
		value := fmt.Sprint(v.value)
		if number, ok := v.value.(float64); ok {
			value = strconv.FormatFloat(number, 'f', -1, 64)
		}
		c.check(t, v, c.url+"?"+name+"="+url.QueryEscape(value), marshal(t, example))
	}
	return checked
}

func (c constrained) check(t *testing.T, v violation, url string, body []byte) {
	if _, ok := forgiven[v.name]; ok {
		return
	}
	if status, words := do(t, c.method, url, body); status < 400 || status >= 500 || words == "" {
		t.Errorf("%s: %.200v was answered with %d %q", v.name, v.value, status, words)
	}
}

func marshal(t *testing.T, v any) []byte {
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// do sends a body with the test's key and returns the status and the error.
func do(t testing.TB, method, url string, body []byte) (status int, words string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+testKey)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var failed struct{ Error string }
	_ = json.NewDecoder(resp.Body).Decode(&failed) // a good answer has none
	return resp.StatusCode, failed.Error
}
