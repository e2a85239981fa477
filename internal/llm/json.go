package llm

import (
	"encoding/json"
	"strings"
)

// thoughtsEnd is between what open models think and what they answer, where their
// server does not tell these apart.
const thoughtsEnd = "</think>"

// maxTries bounds the braces at which FindObject looks, so that no text is slow.
const maxTries = 20

// FindObject returns the first JSON object in what a model has said. Models that are
// not held to JSON put a fence or words around it. It reports false if there is none.
func FindObject(said string) (json.RawMessage, bool) {
	if end := strings.LastIndex(said, thoughtsEnd); end >= 0 {
		said = said[end+len(thoughtsEnd):]
	}
	for range maxTries {
		at := strings.IndexByte(said, '{')
		if at < 0 {
			break
		}
		said = said[at:]
		var object json.RawMessage
		if json.NewDecoder(strings.NewReader(said)).Decode(&object) == nil {
			return object, true
		}
		said = said[1:] // a brace in the words before
	}
	return nil, false
}
