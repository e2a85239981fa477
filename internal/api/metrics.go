package api

import (
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"strings"

	"kvasir/internal/api/guard"
)

const metricsPath = "/metrics"

// metrics serves the operator's figures to this machine and to who has the
// token. To everybody else there is no such page.
func (s *server) metrics(w http.ResponseWriter, r *http.Request) {
	if !isLocal(r) && !hasToken(r, s.Options.MetricsToken) {
		guard.WriteError(w, http.StatusNotFound, "Not found")
		return
	}
	s.Metrics.ServeHTTP(w, r)
}

// isLocal reports whether a request comes from this machine itself. One that a
// proxy on this machine has passed on does not.
func isLocal(r *http.Request) bool {
	for _, header := range []string{"X-Forwarded-For", "Forwarded", "X-Real-Ip", "Via"} {
		if _, ok := r.Header[header]; ok {
			return false
		}
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	return err == nil && net.ParseIP(host).IsLoopback()
}

// hasToken compares hashes, which are of one length, in constant time.
func hasToken(r *http.Request, token string) bool {
	kind, given, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	a, b := sha256.Sum256([]byte(given)), sha256.Sum256([]byte(token))
	return token != "" && strings.EqualFold(kind, "Bearer") && subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

func (s *server) registerMetrics(routes *router) {
	if s.Metrics != nil {
		routes.HandleFunc("GET "+metricsPath, s.metrics)
	}
}
