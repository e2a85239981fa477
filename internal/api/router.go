package api

import (
	"mime"
	"net/http"
	"net/url"
	"path"
	"strings"

	"kvasir/internal/api/guard"
)

// A router is a ServeMux that treats paths as the wire does: one trailing slash
// is ignored, letters of fixed segments match in any case, and what is not
// found or not allowed is said in JSON.
type router struct {
	mux       *http.ServeMux
	templates []template // of every registered pattern
}

// A template is a registered pattern.
type template struct {
	method   string
	segments []string
}

func newRouter() *router {
	routes := &router{mux: http.NewServeMux()}
	routes.mux.HandleFunc("/", routes.miss)
	return routes
}

// HandleFunc registers a pattern "METHOD /path/{wildcard}"; without a method it
// is for all of them.
func (routes *router) HandleFunc(pattern string, handler func(http.ResponseWriter, *http.Request)) {
	method, path, found := strings.Cut(pattern, " ")
	if !found {
		method, path = "", pattern
	}
	routes.templates = append(routes.templates, template{method, strings.Split(path, "/")})
	routes.mux.HandleFunc(pattern, handler)
}

// ServeHTTP serves a request whose path is canonical.
func (routes *router) ServeHTTP(w http.ResponseWriter, r *http.Request) { routes.mux.ServeHTTP(w, r) }

// canonical rewrites the path of a request to its registered form. Uploads get
// a path of their own: an operation has one way to read its body.
func (routes *router) canonical(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked := r.URL.EscapedPath()
		canonical := routes.find(r.Method, asked)
		if canonical == memoPath && r.Method == http.MethodPost && isMultipart(r) {
			canonical = uploadPath
		}
		plain, err := url.PathUnescape(canonical)
		if err != nil || path.Clean("/"+canonical) != canonical {
			// ServeMux would redirect; no client of the wire follows for a POST.
			canonical, plain = "/404", "/404"
			if strings.HasPrefix(strings.ToLower(asked), apiPrefix) {
				canonical, plain = apiPrefix+"404", apiPrefix+"404"
			}
		}
		if canonical != asked {
			moved := *r.URL
			moved.Path, moved.RawPath = plain, canonical
			r = r.WithContext(r.Context()) // a shallow copy
			r.URL = &moved
		}
		next.ServeHTTP(w, r)
	})
}

// find returns the registered form of an escaped path. Of several patterns it
// means the one for the method, then the one with the most fixed segments. An
// unknown path only loses its trailing slash.
func (routes *router) find(method, escaped string) string {
	if len(escaped) > 1 {
		escaped = strings.TrimSuffix(escaped, "/")
	}
	if method == http.MethodHead {
		method = http.MethodGet
	}
	asked := strings.Split(escaped, "/")
	best, score := escaped, -1
	for _, t := range routes.templates {
		canonical, fixed := match(t.segments, asked)
		if fixed >= 0 && t.method == method {
			fixed += len(asked)
		}
		if fixed > score {
			best, score = canonical, fixed
		}
	}
	return best
}

// match returns the path with the template's fixed segments in the template's
// case, and how many there are; -1 if the path does not match.
func match(template, asked []string) (canonical string, fixed int) {
	if len(template) != len(asked) {
		return "", -1
	}
	segments := make([]string, len(asked))
	for i, want := range template {
		switch {
		case strings.HasPrefix(want, "{"):
			segments[i] = asked[i]
		case strings.EqualFold(want, asked[i]):
			segments[i] = want
			fixed++
		default:
			return "", -1
		}
	}
	return strings.Join(segments, "/"), fixed
}

// miss answers what no pattern takes: 405 if another method would do.
func (routes *router) miss(w http.ResponseWriter, r *http.Request) {
	var allowed []string
	for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"} {
		probe := &http.Request{Method: method, URL: r.URL, Host: r.Host}
		if _, pattern := routes.mux.Handler(probe); pattern != "/" {
			allowed = append(allowed, method)
		}
	}
	if len(allowed) == 0 {
		guard.WriteError(w, http.StatusNotFound, "Not found")
		return
	}
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	guard.WriteError(w, http.StatusMethodNotAllowed, "Method not allowed")
}

func isMultipart(r *http.Request) bool {
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return strings.EqualFold(kind, "multipart/form-data")
}
