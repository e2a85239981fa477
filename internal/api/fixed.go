package api

import (
	"fmt"
	"net/http"
	"strings"

	"kvasir/internal/api/guard"
)

// A fixed route has one answer for callers with an API key. Most of them belong
// to people with sessions; their clients hear from us what they hear from Skald.
type fixed struct {
	pattern string
	status  int
	answer  any
}

// A said is an answer of one text.
type said map[string]string

func fixedRoutes() []fixed {
	notAuthenticated, unauthorized := said{"error": "Not authenticated"}, said{"error": "Unauthorized"}
	return []fixed{
		{"POST /api/user/logout", http.StatusOK, said{"message": "Logged out"}},
		{"GET /api/user/details", http.StatusUnauthorized, notAuthenticated},
		{"POST /api/user/details", http.StatusUnauthorized, notAuthenticated},
		{"POST /api/user/change_password", http.StatusUnauthorized, notAuthenticated},
		{"POST /api/user/set_current_project", http.StatusUnauthorized, notAuthenticated},
		{"POST /api/email_verification/send", http.StatusUnauthorized, notAuthenticated},
		{"POST /api/email_verification/verify", http.StatusUnauthorized, notAuthenticated},
		{"POST /api/onboarding/complete", http.StatusUnauthorized, notAuthenticated},
		{"/api/organizations", http.StatusUnauthorized, unauthorized},
		{"/api/organizations/{rest...}", http.StatusUnauthorized, unauthorized},
		{"/api/project/{rest...}", http.StatusUnauthorized, unauthorized},
		{"/api/admin/{rest...}", http.StatusForbidden, said{"error": "Forbidden"}},
		{"GET /api/plans", http.StatusOK, []said{}},
		// The wire has no GET here, and says so with 404 rather than 405.
		{"GET /api/v1/search", http.StatusNotFound, said{"error": "Not found"}},
	}
}

func (s *server) registerFixed(routes *router) {
	for _, f := range fixedRoutes() {
		routes.HandleFunc(f.pattern, func(w http.ResponseWriter, r *http.Request) {
			if _, known := callerOf(r); !known {
				guard.WriteError(w, http.StatusUnauthorized, "Unauthorized")
				return
			}
			guard.WriteJSON(w, f.status, f.answer)
		})
	}
	routes.HandleFunc("GET /{$}", s.root)
}

// root says where to look.
func (s *server) root(w http.ResponseWriter, r *http.Request) {
	if strings.Contains(r.Header.Get("Accept"), "text/html") && !s.Options.DocsDisabled {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, `<!doctype html><meta charset="utf-8"><title>Kvasir</title>`+
			`<h1>Kvasir</h1><p>Memos in, cited answers out. <a href="/docs">API documentation</a></p>`)
		return
	}
	about := said{"name": "kvasir", "version": s.Version, "health": "/api/health"}
	if !s.Options.DocsDisabled {
		about["docs"], about["openapi"] = docsPath, openAPIPath
	}
	guard.WriteJSON(w, http.StatusOK, about)
}
