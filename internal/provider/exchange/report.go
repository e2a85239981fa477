package exchange

import (
	"bytes"
	"cmp"
	"encoding/json"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"kvasir/internal/llm"
)

// maxMessage bounds a provider's message in bytes: some repeat the whole input.
const maxMessage = 500

// A report is what a provider says about a failure, in whatever form.
type report struct {
	isError bool          // the text is a JSON object with an error in it
	message string        // the whole text if no message is found in it
	code    string        // its codes, types and reasons in lower case, separated by spaces
	wait    time.Duration // for which it asks to be left alone; 0 if it does not
}

// readReport understands the forms in use: {"error": {"message", "code", "type"}}
// of OpenAI and Anthropic, {"error": {"message", "code", "status", "details"}} of
// Gemini, {"error": "…"} of Ollama, {"message", "code"} of older vLLM, and
// {"detail": "…"} or {"detail": [{"msg"}]} of Voyage and other FastAPI servers.
// Google puts some into a list.
func readReport(data []byte) report {
	var body struct {
		details
		Error  json.RawMessage `json:"error"`
		Detail json.RawMessage `json:"detail"`
	}
	r := report{message: string(data)}
	var list []json.RawMessage
	if json.Unmarshal(data, &list) == nil && len(list) > 0 {
		data = list[0]
	}
	if json.Unmarshal(data, &body) != nil {
		return r
	}
	r.isError = len(body.Error) > 0 && !bytes.Equal(body.Error, []byte("null"))
	for _, d := range []details{readDetails(body.Error), readDetails(body.Detail), body.details} {
		if d.Message != "" {
			r.message = d.Message
			reasons, delay := d.google()
			words := append([]string{text(d.Code), d.Type, text(d.Status)}, reasons...)
			r.code, r.wait = strings.ToLower(strings.Join(words, " ")), delay
			break
		}
	}
	r.wait = cmp.Or(r.wait, waitInWords(r.message))
	return r
}

// details is the inner part of an error object.
type details struct {
	Message string          `json:"message"`
	Type    string          `json:"type"`
	Code    json.RawMessage `json:"code"`    // a word with OpenAI, a number with vLLM
	Status  json.RawMessage `json:"status"`  // a word with Gemini
	Details json.RawMessage `json:"details"` // a list with Gemini
}

// google returns what Google's APIs say in the details of an error.
func (d *details) google() (reasons []string, delay time.Duration) {
	var list []struct {
		Reason     string `json:"reason"`     // of google.rpc.ErrorInfo
		RetryDelay string `json:"retryDelay"` // of google.rpc.RetryInfo
	}
	if json.Unmarshal(d.Details, &list) != nil {
		return nil, 0
	}
	for _, item := range list {
		reasons = append(reasons, item.Reason)
		delay = cmp.Or(delay, reset(item.RetryDelay, time.Time{}))
	}
	return reasons, delay
}

func readDetails(raw json.RawMessage) details {
	var d details
	var list []struct {
		Msg string `json:"msg"`
	}
	switch {
	case json.Unmarshal(raw, &d) == nil && d.Message != "":
		return d
	case json.Unmarshal(raw, &list) == nil && len(list) > 0:
		return details{Message: list[0].Msg}
	}
	return details{Message: text(raw)}
}

// text returns a JSON string or number as text, "" for anything else.
func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	var n json.Number
	if json.Unmarshal(raw, &n) == nil {
		return n.String()
	}
	return ""
}

// dead reports whether the key is of no more use, whatever the status: OpenAI
// reports an empty account as 429, Anthropic as 400, and Gemini a wrong key as 400.
func (r report) dead(status int) bool {
	return containsAny(r.code, []string{
		"insufficient_quota", "invalid_api_key", "api_key_invalid", "account_deactivated",
		"billing_hard_limit_reached", "billing_not_active", "billing_error", "billing_disabled",
		"authentication_error", "unauthenticated", "permission_error", "permission_denied",
		"failed_precondition", // Gemini, where it is sold only with billing
	}) || status == http.StatusBadRequest && containsAny(strings.ToLower(r.message), []string{
		"credit balance is too low", "specified api usage limits",
		"api key not valid", "api key expired", "incorrect api key",
	})
}

// tooLong reports whether the input is over a limit of the model or of one
// request. Servers on llama.cpp say so with 500. OpenAI says 429 to a request that
// is larger than a whole minute's tokens, and would say so for ever.
func (r report) tooLong(status int) bool {
	said := strings.ToLower(r.code + " " + r.message)
	switch status {
	case http.StatusRequestEntityTooLarge:
		return true
	case http.StatusTooManyRequests:
		return strings.Contains(said, "request too large")
	case http.StatusBadRequest, http.StatusUnprocessableEntity, http.StatusInternalServerError:
		return containsAny(said, []string{
			"context_length", "context length", "context size", "maximum input length", "input is too large",
			"input is too long", "too many tokens", "reduce the length", "tokens per request",
			"max_tokens_per_request", "exceeds the maximum number of tokens", "prompt is too long",
			"exceed context limit", "payload size exceeds", "max allowed tokens", "request_too_large",
		})
	}
	return false
}

// class sorts a report that came with status.
func (r report) class(status int) llm.Class {
	switch {
	case r.dead(status):
		return llm.ClassDeadKey
	case status == http.StatusUnauthorized || status == http.StatusPaymentRequired || status == http.StatusForbidden:
		return llm.ClassDeadKey
	case r.tooLong(status):
		return llm.ClassTooLong
	case status == http.StatusTooManyRequests:
		return llm.ClassThrottled
	case status == http.StatusRequestTimeout || status == http.StatusConflict || status == http.StatusTooEarly:
		return llm.ClassSick
	case status >= 400 && status <= 499:
		return llm.ClassBadRequest
	}
	return llm.ClassSick
}

// status guesses the status that a report would have come with, had it not come
// inside a stream.
func (r report) status() int {
	code, _, _ := strings.Cut(r.code, " ")
	if n, err := strconv.Atoi(code); err == nil && n >= 400 && n <= 599 {
		return n
	}
	switch {
	case containsAny(r.code, []string{"rate_limit", "resource_exhausted"}):
		return http.StatusTooManyRequests
	case containsAny(r.code, []string{
		"invalid_request", "context_length", "invalid_argument", "not_found", "request_too_large",
	}):
		return http.StatusBadRequest
	}
	return http.StatusBadGateway
}

func containsAny(s string, words []string) bool {
	for _, w := range words {
		if strings.Contains(s, w) {
			return true
		}
	}
	return false
}

// keyShape matches what looks like a vendor's key or a bearer token: providers
// repeat a wrong key in their answer, sometimes with its middle masked, so that
// it is no longer equal to the one that was sent.
var keyShape = regexp.MustCompile(
	`(?i)\b(?:(?:sk|pa|gsk|xai)[-_]|jina_|AIza)[\w*.-]{6,}|\bbearer\s+[^\s"',;]+`)

const masked = "***"

// clean makes a provider's message fit to be logged and shown: without keys,
// control characters and more than a few lines of text.
func (e *Endpoint) clean(message string) string {
	for _, secret := range e.secrets {
		message = strings.ReplaceAll(message, secret, masked)
	}
	message = keyShape.ReplaceAllString(message, masked)
	message = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == utf8.RuneError {
			return ' '
		}
		return r
	}, message)
	message = strings.Join(strings.Fields(message), " ")
	if len(message) <= maxMessage {
		return message
	}
	end := maxMessage
	for !utf8.RuneStart(message[end]) {
		end--
	}
	return message[:end] + "…"
}
