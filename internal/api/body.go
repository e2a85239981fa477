package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"

	"kvasir/internal/api/field"
	"kvasir/internal/fault"
)

// drainLimit is how much of a refused body is still read, so that a client that
// writes before it reads gets to see the refusal.
const drainLimit = 64 << 20

const notJSON = "Invalid JSON in request body"

// maxQuestionBytes bounds bodies that bring no text to be kept, as long as the option
// does not bound them further: nobody asks a question of a megabyte.
const maxQuestionBytes = 1 << 20

// decodeJSON reads the request's body into a wire type. No body is an empty
// object: its fields are then found missing by name.
func (s *server) decodeJSON(q *request, into any) error {
	return s.decodeTyped(q, into, min(s.Options.MaxBodyBytes, maxQuestionBytes))
}

// decodeLong reads a body that brings texts of memos.
func (s *server) decodeLong(q *request, into any) error {
	return s.decodeTyped(q, into, s.Options.MaxBodyBytes)
}

func (s *server) decodeTyped(q *request, into any, limit int64) error {
	if err := checkJSONType(q.r.Header.Get("Content-Type")); err != nil {
		return err
	}
	return decodeBody(q, into, limit)
}

func decodeBody(q *request, into any, limit int64) error {
	if q.r.ContentLength > limit+drainLimit {
		return tooLarge(limit)
	}
	body, err := io.ReadAll(io.LimitReader(q.r.Body, limit+1))
	if err != nil {
		return readFailure(err)
	}
	if int64(len(body)) > limit {
		drain(q.r.Body)
		return tooLarge(limit)
	}
	return unmarshal(body, into)
}

func unmarshal(body []byte, into any) error {
	body = bytes.TrimSpace(body)
	if len(body) == 0 {
		return nil
	}
	if !json.Valid(body) {
		return invalid(notJSON)
	}
	switch field.KindOf(body) {
	case "array":
		return invalid(field.Expected("object", "array"))
	case "object":
		if err := json.Unmarshal(body, into); err != nil {
			return fault.Wrap(fault.Invalid, notJSON, err)
		}
		return nil
	}
	return invalid(notJSON)
}

// checkJSONType refuses bodies that do not claim to be JSON in UTF-8. No claim
// at all will do.
func checkJSONType(contentType string) error {
	if contentType == "" {
		return nil
	}
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil || kind != "application/json" && !strings.HasSuffix(kind, "+json") {
		return &failure{"Content-Type must be application/json", http.StatusUnsupportedMediaType}
	}
	charset := params["charset"]
	if charset != "" && !strings.EqualFold(charset, "utf-8") && !strings.EqualFold(charset, "us-ascii") {
		return &failure{"Request body must be UTF-8", http.StatusUnsupportedMediaType}
	}
	return nil
}

// drain reads what a client still sends, within reason. Its errors change
// nothing: the request is refused already.
func drain(body io.Reader) { _, _ = io.CopyN(io.Discard, body, drainLimit) }

func tooLarge(limit int64) error {
	return fault.New(fault.TooLarge, "Request body is larger than "+sizeText(limit))
}

// sizeText writes a size in the unit in which it is a whole number.
func sizeText(bytes int64) string {
	switch {
	case bytes >= 1<<20 && bytes%(1<<20) == 0:
		return fmt.Sprintf("%d MiB", bytes>>20)
	case bytes >= 1<<10 && bytes%(1<<10) == 0:
		return fmt.Sprintf("%d KiB", bytes>>10)
	}
	return fmt.Sprintf("%d bytes", bytes)
}

// readFailure explains a body that did not arrive.
func readFailure(err error) error {
	if isTimeout(err) {
		return &failure{"Request body took too long to arrive", http.StatusRequestTimeout}
	}
	return fault.Wrap(fault.Invalid, "Request body could not be read", err)
}

// isTimeout reports whether err is a deadline of the connection.
func isTimeout(err error) bool {
	t, ok := errors.AsType[interface {
		error
		Timeout() bool
	}](err)
	return ok && t.Timeout()
}
