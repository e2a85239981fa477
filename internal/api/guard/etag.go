package guard

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"net/http"
	"strings"
)

// ETag gives JSON answers to GET and HEAD a weak tag of their content and
// answers 304 without a body when the client has it already. Anything else,
// streams and pages included, goes through untouched, as does what has a tag.
func ETag(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			next.ServeHTTP(w, r)
			return
		}
		t := &tagger{ResponseWriter: w}
		next.ServeHTTP(t, r)
		t.finish(r.Header)
	})
}

// A tagger holds back the body of a good JSON answer until it is complete.
type tagger struct {
	http.ResponseWriter
	status int // 0 until the header is written
	held   bool
	body   bytes.Buffer
}

// Unwrap is for http.ResponseController.
func (t *tagger) Unwrap() http.ResponseWriter { return t.ResponseWriter }

// WriteHeader decides whether the body is held back.
func (t *tagger) WriteHeader(status int) {
	if t.status != 0 {
		return
	}
	t.status = status
	h := t.Header()
	t.held = status == http.StatusOK && h.Get("ETag") == "" && strings.HasPrefix(h.Get("Content-Type"), "application/json")
	if !t.held {
		t.ResponseWriter.WriteHeader(status)
	}
}

// Write keeps what is held back.
func (t *tagger) Write(p []byte) (int, error) {
	if t.status == 0 {
		t.WriteHeader(http.StatusOK)
	}
	if t.held {
		return t.body.Write(p)
	}
	return t.ResponseWriter.Write(p)
}

// finish sends what was held back, or tells the client that it knows it.
func (t *tagger) finish(asked http.Header) {
	if !t.held {
		return
	}
	sum := sha256.Sum256(t.body.Bytes())
	tag := fmt.Sprintf(`W/"%x-%x"`, t.body.Len(), sum[:12])
	t.Header().Set("ETag", tag)
	if knows(asked, tag) {
		t.Header().Del("Content-Type")
		t.ResponseWriter.WriteHeader(http.StatusNotModified)
		return
	}
	t.ResponseWriter.WriteHeader(http.StatusOK)
	_, _ = t.ResponseWriter.Write(t.body.Bytes())
}

// knows reports whether the client says that it has the tagged content, and is
// content with it.
func knows(asked http.Header, tag string) bool {
	if strings.Contains(asked.Get("Cache-Control"), "no-cache") {
		return false
	}
	for _, line := range asked.Values("If-None-Match") {
		for have := range strings.SplitSeq(line, ",") {
			have = strings.TrimSpace(have)
			if have == "*" || strings.TrimPrefix(have, "W/") == strings.TrimPrefix(tag, "W/") {
				return true
			}
		}
	}
	return false
}
