// Package guard is what stands between the network and the operations of the
// API: request ids and the access log, CORS, security headers, rate limits and
// conditional answers.
//
// Each guard is a func(http.Handler) http.Handler that knows HTTP and nothing
// of memos. [Chain] puts them in order. Every guard that wraps the response
// writer lets http.ResponseController reach the one below, so that streams
// can flush and set deadlines through all of them.
package guard

import (
	"encoding/json"
	"net/http"
	"slices"
)

// Chain returns h behind the guards; the first one meets a request first.
func Chain(h http.Handler, guards ...func(http.Handler) http.Handler) http.Handler {
	for _, g := range slices.Backward(guards) {
		h = g(h)
	}
	return h
}

// WriteJSON answers with v. A client that has gone is no error worth telling.
func WriteJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	_ = e.Encode(v) // writes once
}

// WriteError answers with the wire's form of an error.
func WriteError(w http.ResponseWriter, status int, words string) {
	WriteJSON(w, status, map[string]string{"error": words})
}
