package providertest

import (
	"encoding/json"
	"time"
)

// A voice says a streamed answer in the words of one protocol: pieces of an event
// stream, each with all of its line ends.
type voice struct {
	open   []string                  // before the first token
	token  func(text string) string  // one token
	finish func(tokens int) []string // after the last of so many
	half   string                    // an event that stops in the middle
	report func(body string) string  // an error after the headers
}

// A complaint is the body of an error in the words of one protocol. Wait is how
// long the client shall wait; 0 if that is not said.
type complaint func(status int, message string, wait time.Duration) string

type object map[string]any

// text returns v as JSON. What is written here can be.
func text(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		return "{}"
	}
	return string(data)
}

// complainOpenAI is how OpenAI and Voyage, and here Skald's service, complain.
func complainOpenAI(status int, message string, _ time.Duration) string {
	kind, code := "scripted", any(nil)
	if status == 429 {
		code = "rate_limit_exceeded"
	}
	return text(object{"error": object{"message": message, "type": kind, "param": nil, "code": code}})
}
