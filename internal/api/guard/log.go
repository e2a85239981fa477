package guard

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"runtime/debug"
	"time"
)

// requestIDForm is what a request id of a client may look like; others are
// replaced, so that nobody writes into our log what he likes.
var requestIDForm = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// requestIDKey is where the id travels, as traces do.
type requestIDKey struct{}

// RequestID returns the id of the request that a context belongs to, for lines
// in the log beside the access line.
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}

// Log gives every request an id (the client's X-Request-Id if it has a sane
// one), writes a line when it is done, and turns a panic into a 500.
func Log(log *slog.Logger) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			id := r.Header.Get("X-Request-Id")
			if !requestIDForm.MatchString(id) {
				id = rand.Text()
			}
			w.Header().Set("X-Request-Id", id)
			r = r.WithContext(context.WithValue(r.Context(), requestIDKey{}, id))
			rec := &recorder{ResponseWriter: w}
			log := log.With("request_id", id, "method", r.Method, "path", r.URL.Path, "client", Address(r.Context()))
			defer finish(r.Context(), log, rec, time.Now())
			next.ServeHTTP(rec, r)
		})
	}
}

// finish is deferred: it recovers, and writes the access line in any case. The
// line is for us as long as all is well, for the operator when it is not.
func finish(ctx context.Context, log *slog.Logger, rec *recorder, started time.Time) {
	p := recover()
	if p != nil && p != http.ErrAbortHandler {
		log.ErrorContext(ctx, "handler panicked", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		if rec.status == 0 {
			WriteError(rec, http.StatusInternalServerError, "Internal error")
			p = nil
		}
	}
	level := slog.LevelDebug
	if rec.status >= http.StatusInternalServerError {
		level = slog.LevelInfo
	}
	log.Log(ctx, level, "request", "status", rec.status, "bytes", rec.bytes, "took", time.Since(started))
	if p != nil {
		panic(http.ErrAbortHandler) // half an answer is out: only cutting the connection says so
	}
}

// A recorder notes what was answered.
type recorder struct {
	http.ResponseWriter
	status int // 0 until the header is written
	bytes  int64
}

// Unwrap is for http.ResponseController.
func (rec *recorder) Unwrap() http.ResponseWriter { return rec.ResponseWriter }

// WriteHeader notes the final status.
func (rec *recorder) WriteHeader(status int) {
	if rec.status == 0 && status >= http.StatusOK {
		rec.status = status
	}
	rec.ResponseWriter.WriteHeader(status)
}

// Write counts the bytes.
func (rec *recorder) Write(p []byte) (int, error) {
	if rec.status == 0 {
		rec.status = http.StatusOK
	}
	n, err := rec.ResponseWriter.Write(p)
	rec.bytes += int64(n)
	return n, err
}
