package api

import (
	"flag"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite doc/openapi.json")

// get returns the body of a page.
func get(t *testing.T, url string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("GET %s: %d %.300s", url, resp.StatusCode, body)
	}
	return string(body)
}

// TestOpenAPI compares the served description with the committed one. Run it
// with -update after a change, and read the difference.
func TestOpenAPI(t *testing.T) {
	t.Parallel()
	got := get(t, serve(t, (&backend{}).config(t))+"/openapi.json")
	path := filepath.Join("..", "..", "doc", "openapi.json")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("doc/openapi.json is not what is served; run go test -update (-want +got):\n%s", diff)
	}
}

// TestDocsComeFromTheBinary follows every address in the page.
func TestDocsComeFromTheBinary(t *testing.T) {
	t.Parallel()
	base := serve(t, (&backend{}).config(t))
	page := get(t, base+"/docs")
	links := regexp.MustCompile(`(?:src|href)="([^"]*)"`).FindAllStringSubmatch(page, -1)
	if len(links) < 3 {
		t.Fatalf("only %d links in %s", len(links), page)
	}
	for _, link := range links {
		if !strings.HasPrefix(link[1], "/docs/") {
			t.Errorf("the page needs %q, which is elsewhere", link[1])
			continue
		}
		get(t, base+link[1])
	}
}

func TestDocsCanBeSwitchedOff(t *testing.T) {
	t.Parallel()
	cfg := (&backend{}).config(t)
	cfg.Options.DocsDisabled = true
	base := serve(t, cfg)
	for _, path := range []string{"/docs", "/docs/swagger-ui.css", "/openapi.json"} {
		resp, err := http.Get(base + path)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusNotFound {
			t.Errorf("GET %s: %d, want 404", path, resp.StatusCode)
		}
	}
	if about := get(t, base+"/"); strings.Contains(about, "docs") {
		t.Errorf("the root points to %s", about)
	}
}

// TestEveryRouteIsDescribed holds the table of routes to the description: test/isolation_test.go
// tries what is described with another tenant's ids. What is not described holds nothing of
// a tenant's.
func TestEveryRouteIsDescribed(t *testing.T) {
	t.Parallel()
	cfg := (&backend{}).config(t)
	cfg.Metrics = http.NotFoundHandler()
	s, routes := build(cfg)
	known := []string{"GET /{$}", "GET " + metricsPath, "GET " + openAPIPath, "GET " + docsPath, "GET " + docsPath + "/{file}"}
	for _, f := range fixedRoutes() {
		known = append(known, f.pattern)
	}
	for path, item := range s.api.OpenAPI().Paths {
		for method, op := range map[string]*huma.Operation{
			"GET": item.Get, "POST": item.Post, "PUT": item.Put, "PATCH": item.Patch, "DELETE": item.Delete,
		} {
			if op != nil {
				known = append(known, method+" "+path)
			}
		}
	}
	for _, r := range routes.templates {
		pattern := strings.TrimSpace(r.method + " " + strings.Join(r.segments, "/"))
		if !slices.Contains(known, pattern) {
			t.Errorf("%s is not described", pattern)
		}
	}
}
