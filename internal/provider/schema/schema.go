// Package schema fits the JSON schema of an answer to what providers take.
//
// Each of them knows a subset of JSON schema and refuses the rest, or passes it
// over. [Strict] and [Gemini] say what is left of a schema for theirs. What no
// provider is held to, the model is told ([Told]); whoever asked checks the answer
// in any case.
package schema

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	"kvasir/internal/llm"
)

// A Mode is how a model is held to a schema.
type Mode string

// The modes.
const (
	Full   Mode = ""       // by the provider, as far as it can
	Object Mode = "object" // by the provider to JSON, by the prompt to the schema
	Prompt Mode = "prompt" // by the prompt alone
)

// maxName is the longest name of a schema that all providers take.
const maxName = 64

// Name returns the name of a schema as providers take it.
func Name(s *llm.Schema) string {
	return cmp.Or(s.Name[:min(len(s.Name), maxName)], "answer")
}

// Told returns messages that tell the model to answer by the schema. The words are
// at the end of what the system says: some servers take one such message, and only
// at the start.
func Told(messages []llm.Message, s *llm.Schema) []llm.Message {
	var words bytes.Buffer
	words.WriteString("Answer with one JSON value that is valid against the JSON schema below. " +
		"Write nothing before it or after it, and no code fence.\n")
	if json.Compact(&words, s.JSON) != nil {
		words.Write(s.JSON)
	}
	at := slices.IndexFunc(messages, func(m llm.Message) bool { return m.Role == llm.RoleSystem })
	if at < 0 {
		return append([]llm.Message{{Role: llm.RoleSystem, Text: words.String()}}, messages...)
	}
	told := slices.Clone(messages)
	told[at].Text += "\n\n" + words.String()
	return told
}

// IsObject reports whether a schema asks for an object, as providers want it.
func IsObject(schema []byte) bool {
	var root struct {
		Type string `json:"type"`
	}
	return json.Unmarshal(schema, &root) == nil && root.Type == "object"
}

// Strict returns a schema as OpenAI's strict mode takes it, and whether it does: each
// object must name all that it has, and require all of it. Only notes for people are
// left out.
func Strict(schema []byte) (json.RawMessage, bool) {
	d := dialect{words: openAIWords, check: strict, depth: 10}
	out, whole := d.fit(schema)
	root, ok := members(out)
	return out, ok && whole && IsObject(out) && root.get("anyOf") == nil
}

// Gemini returns what is left of a schema in the words that Gemini knows, and whether
// that is all of it.
func Gemini(schema []byte) (json.RawMessage, bool) {
	d := dialect{words: geminiWords, check: geminiRefs, depth: 30}
	return d.fit(schema)
}

// strict reports whether OpenAI takes a schema whose keywords it knows.
func strict(o *object) bool {
	var required []string
	_ = json.Unmarshal(o.get("required"), &required) // of a wrong type, it requires nothing
	properties, _ := members(o.get("properties"))
	for _, p := range properties {
		if !slices.Contains(required, p.name) {
			return false
		}
	}
	var format string
	if json.Unmarshal(o.get("format"), &format) == nil && !slices.Contains(openAIFormats, format) {
		o.drop("format") // it is a note, unless both sides agree otherwise
	}
	open := string(bytes.TrimSpace(o.get("additionalProperties"))) != "false"
	if open && (o.get("properties") != nil || bytes.Contains(o.get("type"), []byte(`"object"`))) {
		return false
	}
	return slices.ContainsFunc([]string{"type", "anyOf", "$ref", "enum", "const"}, func(word string) bool {
		return o.get(word) != nil
	})
}

// geminiRefs says a constant as the only value, and a reference alone, as Gemini
// wants them.
func geminiRefs(o *object) bool {
	if value := o.get("const"); value != nil {
		o.drop("const")
		*o = append(*o, member{"enum", slices.Concat([]byte("["), value, []byte("]"))})
	}
	if o.get("$ref") == nil {
		return true
	}
	var ref string
	if json.Unmarshal(o.get("$ref"), &ref) != nil || ref != "#" && !strings.HasPrefix(ref, "#/$defs/") {
		o.drop("$ref")
		return false
	}
	whole := true
	for _, m := range slices.Clone(*o) {
		if !strings.HasPrefix(m.name, "$") {
			o.drop(m.name)
			whole = whole && (m.name == "description" || m.name == "title")
		}
	}
	return whole
}
