package api

import (
	"kvasir/internal/api/field"

	"bytes"
	"encoding/json"
	"net/http"

	"github.com/swaggest/swgui/v5emb"
)

const (
	docsPath    = "/docs"
	openAPIPath = "/openapi.json"
)

// docsPolicy lets the documentation's page run its own scripts and styles, which
// stand in the page, and nothing from anywhere else.
const docsPolicy = "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; " +
	"img-src 'self' data:; frame-ancestors 'none'"

// registerDocs serves the description of the API, and a page to read it with
// that comes whole from the binary.
func (s *server) registerDocs(routes *router) {
	schemas := s.api.OpenAPI().Components.Schemas.Map()
	delete(schemas, "ErrorModel") // huma's own form of errors, which is never sent
	delete(schemas, "ErrorDetail")
	if s.Options.DocsDisabled {
		return
	}
	var description bytes.Buffer
	_ = json.Indent(&description, field.Encode(s.api.OpenAPI()), "", "  ") // encode's JSON is valid
	description.WriteByte('\n')
	routes.HandleFunc("GET "+openAPIPath, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(description.Bytes())
	})
	page := v5emb.New("Kvasir", openAPIPath, docsPath)
	serve := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", docsPolicy)
		page.ServeHTTP(w, r)
	}
	routes.HandleFunc("GET "+docsPath, serve)
	routes.HandleFunc("GET "+docsPath+"/{file}", serve)
}
