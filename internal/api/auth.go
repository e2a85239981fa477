package api

import (
	"context"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"kvasir/internal/account"
	"kvasir/internal/api/guard"
	"kvasir/internal/fault"
)

const (
	apiPrefix     = "/api/"
	maxAuthLength = 200           // of the Authorization header
	sessionCookie = "accessToken" // of a dashboard session
)

// openPaths are those under /api that anonymous callers may reach.
var openPaths = []string{"/api/health", "/api/auth/", "/api/user", "/api/stripe/webhook", "/api/public_chat/"}

// callerKey is where the caller crosses the router: a handler of net/http gets
// nothing but the request. Operations receive the caller in their input.
type callerKey struct{}

// authenticate finds out who calls, and refuses anonymous callers under /api
// before routing, so that they cannot tell which paths exist.
func (s *server) authenticate(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		caller, known, err := s.caller(r)
		open := !needsCaller(r.URL.Path)
		if err != nil && (!open || fault.Is(err, fault.Invalid)) { // health answers even if keys cannot be read
			f := s.fail(r.Context(), err)
			guard.WriteError(w, f.status, f.Words)
			return
		}
		if !known {
			if !open {
				guard.WriteError(w, http.StatusUnauthorized, "Unauthorized")
				return
			}
			next.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), callerKey{}, caller)))
	})
}

// caller returns whom the request's API key speaks for. A wrong key is no
// error: its caller is anonymous. So is who brings a session cookie, even beside
// a key: where there is a cookie, only the cookie counts.
func (s *server) caller(r *http.Request) (caller account.Caller, known bool, err error) {
	if _, err := r.Cookie(sessionCookie); err == nil {
		return account.Caller{}, false, nil
	}
	header := r.Header.Get("Authorization")
	if len(header) > maxAuthLength {
		return account.Caller{}, false, fault.New(fault.Invalid, "Invalid request")
	}
	words := strings.Fields(header)
	if len(words) != 2 || !strings.EqualFold(words[0], "Bearer") && !strings.EqualFold(words[0], "Token") {
		return account.Caller{}, false, nil
	}
	caller, err = s.Keys.FindKey(r.Context(), account.HashKey(words[1]))
	if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Unauthenticated) {
		return account.Caller{}, false, nil
	}
	return caller, err == nil, err
}

func needsCaller(path string) bool {
	path = strings.ToLower(path)
	if path != strings.TrimSuffix(apiPrefix, "/") && !strings.HasPrefix(path, apiPrefix) {
		return false
	}
	for _, open := range openPaths {
		if path == open || strings.HasPrefix(path, strings.TrimSuffix(open, "/")+"/") {
			return false
		}
	}
	return true
}

// A request is embedded in the input of every operation: who calls, and HTTP
// itself for those that read bodies or write streams.
type request struct {
	project account.ProjectID
	key     string // the caller's, as it may be shown
	r       *http.Request
	w       http.ResponseWriter
}

// Resolve is called by huma before the handler.
func (q *request) Resolve(ctx huma.Context) []error {
	q.r, q.w = humago.Unwrap(ctx)
	if caller, ok := callerOf(q.r); ok {
		q.project, q.key = caller.Project, caller.Key
	}
	return nil
}

func callerOf(r *http.Request) (account.Caller, bool) {
	caller, ok := r.Context().Value(callerKey{}).(account.Caller)
	return caller, ok
}
