package cli

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kvasir/client/clienttest"
)

// serveSite serves pages by their paths; HOST in them is the site's address. A page
// that is an address is a redirect to it.
func serveSite(t *testing.T, pages map[string]string) (address string) {
	t.Helper()
	var site *httptest.Server
	site = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		page, ok := pages[r.URL.Path]
		page = strings.ReplaceAll(page, "HOST", site.URL)
		switch {
		case !ok:
			http.NotFound(w, r)
		case isAddress(page):
			http.Redirect(w, r, page, http.StatusFound)
		default:
			_, _ = io.WriteString(w, page) // the client has gone
		}
	}))
	t.Cleanup(site.Close)
	return site.URL
}

// urlset is a sitemap of pages, which may have a date behind a space.
func urlset(pages ...string) string {
	var out strings.Builder
	out.WriteString(`<?xml version="1.0" encoding="UTF-8"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"` +
		` xmlns:image="http://www.google.com/schemas/sitemap-image/1.1">`)
	for _, page := range pages {
		loc, lastmod, _ := strings.Cut(page, " ")
		fmt.Fprintf(&out, "<url>\n<image:image><image:loc>HOST/picture</image:loc></image:image><loc> %s </loc>", loc)
		if lastmod != "" {
			fmt.Fprintf(&out, "<lastmod>%s</lastmod>", lastmod)
		}
		out.WriteString("</url>\n")
	}
	return out.String() + "</urlset>"
}

// index is a sitemap of sitemaps.
func index(sitemaps ...string) string {
	var out strings.Builder
	out.WriteString("<sitemapindex>")
	for _, s := range sitemaps {
		fmt.Fprintf(&out, "<sitemap><loc>%s</loc></sitemap>", s)
	}
	return out.String() + "</sitemapindex>"
}

func gzipped(t testing.TB, text string) string {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// sitePages returns the pages of a server's memos, without their host.
func sitePages(srv *clienttest.Server, site string) []string {
	pages := []string{}
	for _, m := range srv.Memos() {
		pages = append(pages, strings.TrimPrefix(m.URL, site))
	}
	return pages
}

func TestAddPages(t *testing.T) {
	t.Parallel()
	srv := clienttest.Start(t)
	const page = "https://example.com/a?b=c"
	long := "https://example.com/" + strings.Repeat("x", 300)
	r := add(t, srv, 0, "HTTPS://Example.com/a?b=c#place", page, long)
	if r.Added != 2 || r.Files[0].Path != page {
		t.Errorf("first: %+v", r)
	}
	m := srv.Memos()[0]
	if m.URL != page || m.ReferenceID != page || m.Source != added ||
		cmp.Diff(map[string]any{"url": page, "added_by": added}, m.Metadata) != "" {
		t.Errorf("the memo is %+v", m)
	}
	if m := srv.Memos()[1]; m.URL != long || !strings.HasPrefix(m.ReferenceID, "sha256:") {
		t.Errorf("the memo of the long address is %+v", m)
	}
	if r := add(t, srv, 0, "--prune", page); r.Replaced != 1 || r.Pruned != 0 {
		t.Errorf("second: %+v", r)
	}
	for _, wrong := range []string{"http://", "https:///a", "http://[::1"} {
		if r := on(t, srv, "add", wrong); r.status != exitFailed || !strings.Contains(r.stderr, wrong+": not an address") {
			t.Errorf("%s: %+v", wrong, r)
		}
	}
}

func TestAddASite(t *testing.T) {
	t.Parallel()
	srv := clienttest.Start(t)
	site := serveSite(t, map[string]string{
		"/sitemap.xml": index("HOST/pages.xml", "HOST/news/more.xml.gz", "HOST/sitemap.xml", "http://localhost:1/theirs.xml"),
		"/pages.xml": urlset("HOST/1 2026-11-01T10:00:00+00:00", "HOST/2", "HOST/2#again", "https://example.com/theirs",
			"ftp://example.com/file", "/relative", "HOST/a?b&amp;c"),
		"/news/more.xml.gz":  gzipped(t, index("/deep.xml")),
		"/deep.xml":          urlset("HOST/1", "HOST/3 2026-11-21"),
		"/elsewhere/map.xml": urlset("HOST/only"),
	})
	r := add(t, srv, 0, site+"/sitemap.xml", "--sitemap", site+"/elsewhere/map.xml")
	if r.Added != 6 || r.Skipped.Elsewhere != 3 {
		t.Errorf("first: %+v", r)
	}
	if diff := cmp.Diff([]string{"/1", "/2", "/3", "/a?b&c", "/only", "/relative"}, sitePages(srv, site)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	want := map[string]any{
		"url": site + "/1", "added_by": added, "sitemap": site + "/sitemap.xml", "lastmod": "2026-11-01T10:00:00+00:00",
	}
	if diff := cmp.Diff(want, srv.Memos()[0].Metadata); diff != "" {
		t.Errorf("metadata (-want +got):\n%s", diff)
	}
	// The first page is as it was long before it was loaded; the third may have
	// changed again on that day.
	if r := add(t, srv, 0, site+"/sitemap.xml"); r.Unchanged != 1 || r.Replaced != 4 {
		t.Errorf("second: %+v", r)
	}
	if r := rehearse(t, srv, site+"/sitemap.xml", "https://example.com/new"); r.Unchanged != 1 || r.Replaced != 4 ||
		r.Added != 1 || r.Pages != 5 || len(r.Notes) != 1 || !strings.HasPrefix(r.Notes[0], "how large a page is") {
		t.Errorf("dry run: %+v", r)
	}
}

func TestASiteIsKeptEqual(t *testing.T) {
	t.Parallel()
	srv := clienttest.Start(t)
	pages := map[string]string{"/sitemap.xml": urlset("HOST/1", "HOST/2", "HOST/3")}
	site := serveSite(t, pages)
	add(t, srv, 0, site+"/sitemap.xml", "https://example.com/")
	if r := add(t, srv, 0, "--prune", t.TempDir()); r.Pruned != 0 {
		t.Errorf("pruned with a folder: %+v", r)
	}
	pages["/sitemap.xml"] = urlset("HOST/1", "HOST/3")
	if r := add(t, srv, 0, "--prune", "--max-pages=1", site+"/sitemap.xml"); r.Pruned != 0 || r.Skipped.OverLimit != 1 {
		t.Errorf("pruned though not all was read: %+v", r)
	}
	r := add(t, srv, 0, "--prune", site+"/sitemap.xml")
	if r.Pruned != 1 || !slices.ContainsFunc(r.Files, func(o outcome) bool {
		return o.Action == actionPruned && o.Path == site+"/2"
	}) {
		t.Errorf("%+v", r)
	}
	if diff := cmp.Diff([]string{"/1", "/3", "https://example.com/"}, sitePages(srv, site)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestMostPages(t *testing.T) {
	t.Parallel()
	srv := clienttest.Start(t)
	site := serveSite(t, map[string]string{
		"/sitemap.xml": index("HOST/1.xml", "HOST/2.xml", "HOST/3.xml"),
		"/1.xml":       urlset("HOST/1", "HOST/2"),
		"/2.xml":       urlset("HOST/2", "HOST/3", "HOST/4", "HOST/5"),
		"/3.xml":       urlset("HOST/6"),
	})
	res := on(t, srv, "add", "--max-pages=3", site+"/sitemap.xml").succeed(t)
	if want := "3 added, 2 pages left out\n"; res.stdout != want {
		t.Errorf("stdout %q, want %q", res.stdout, want)
	}
	want := "Left out 2 pages and 1 sitemap of " + strings.TrimPrefix(site, "http://") + ": --max-pages is 3\n"
	if !strings.Contains(res.stderr, want) {
		t.Errorf("stderr lacks %q:\n%s", want, res.stderr)
	}
	if r := on(t, srv, "add", "--max-pages=0", site); r.status != exitUsage {
		t.Errorf("no pages at all: %+v", r)
	}
}

func TestSitemapsThatCannotBeRead(t *testing.T) {
	t.Parallel()
	other := serveSite(t, map[string]string{"/theirs.xml": urlset("HOST/theirs")})
	const start = "the sitemap cannot be read: "
	one := func(text string) map[string]string { return map[string]string{"/sitemap.xml": text} }
	tests := []struct {
		name  string
		pages map[string]string
		want  []string // of the pages
		fails string
	}{
		{"missing", nil, nil, "the site answers 404 Not Found"},
		{"empty", one(""), nil, "it is empty"},
		{"a page", one("<!DOCTYPE html><html></html>"), nil, "it is no sitemap: it begins with <html>"},
		{"not packed", one("\x1f\x8b or not"), nil, "unpack it: unexpected EOF"},
		{"truncated", one(strings.TrimSuffix(urlset("HOST/1"), "</urlset>")), []string{"/1"}, "it is broken, or no XML: "},
		{"deep", one("<urlset>" + strings.Repeat("<a>", 1000)), nil, "its elements are nested too deep"},
		{"a long address", one(urlset("HOST/" + strings.Repeat("x", maxLoc))), nil, "an address in it is too long"},
		{
			"a billion laughs", one(`<!DOCTYPE l [<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;&a;">]>` +
				"<urlset><url><loc>&b;</loc></url></urlset>"), nil, "invalid character entity &b;",
		},
		{
			"an entity of a file", one(`<!DOCTYPE l [<!ENTITY a SYSTEM "file:///etc/passwd">]>` +
				"<urlset><url><loc>HOST/&a;</loc></url></urlset>"), nil, "invalid character entity &a;",
		},
		{
			"one of several", map[string]string{
				"/sitemap.xml": index("HOST/no.xml", "HOST/yes.xml"), "/yes.xml": urlset("HOST/1"),
			}, []string{"/1"}, "the site answers 404 Not Found",
		},
		{
			"too deep below", map[string]string{
				"/sitemap.xml": index("HOST/1.xml"), "/1.xml": index("HOST/2.xml"), "/2.xml": index("HOST/3.xml"),
				"/3.xml": urlset("HOST/1"),
			}, nil, "it lists sitemaps that lie more than 3 deep",
		},
		{
			"of another site", map[string]string{"/sitemap.xml": index("HOST/1.xml"), "/1.xml": other + "/theirs.xml"}, nil,
			"it is on another site, 127.0.0.1:",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			srv := clienttest.Start(t)
			site := serveSite(t, tt.pages)
			r := add(t, srv, exitFailed, site+"/sitemap.xml")
			if text := r.Files[0].Error; !strings.HasPrefix(text, start) || !strings.Contains(text, tt.fails) {
				t.Errorf("it fails with %q, want %q", text, tt.fails)
			}
			if diff := cmp.Diff(append([]string{}, tt.want...), sitePages(srv, site)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestASitemapThatMoved takes the pages of the site that the sitemap is on now.
func TestASitemapThatMoved(t *testing.T) {
	t.Parallel()
	srv := clienttest.Start(t)
	now := serveSite(t, map[string]string{"/maps/new.xml": urlset("HOST/1", "two")})
	old := serveSite(t, map[string]string{"/sitemap.xml": now + "/maps/new.xml"})
	if r := add(t, srv, 0, old+"/sitemap.xml"); r.Added != 2 {
		t.Errorf("%+v", r)
	}
	if diff := cmp.Diff([]string{"/1", "/maps/two"}, sitePages(srv, now)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestASiteThatIsNotThere(t *testing.T) {
	t.Parallel()
	srv := clienttest.Start(t)
	site := serveSite(t, nil)
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	dir := write(t, map[string]string{"a.md": "a"})
	r := add(t, srv, exitFailed, "--sitemap", site+"/also", gone.URL+"/sitemap.xml", dir)
	if r.Added != 1 || r.Failed != 2 {
		t.Fatalf("%+v", r)
	}
	if text := r.Files[0].Error; !strings.Contains(text, "connection refused") || strings.Contains(text, "kvasir serve") {
		t.Errorf("it fails with %q", text)
	}
}

func TestSitemapsAreBounded(t *testing.T) {
	t.Parallel()
	many := make([]string, maxSitemaps+1)
	pages := map[string]string{}
	for i := range many {
		many[i] = fmt.Sprintf("HOST/%d.xml", i)
		pages[fmt.Sprintf("/%d.xml", i)] = "<urlset/>"
	}
	pages["/sitemap.xml"] = index(many...)
	site := serveSite(t, pages)
	found, _, err := gathered(t, "", addCommand{Sitemaps: []string{site + "/sitemap.xml"}})
	if err != nil || len(found.failed) != 1 ||
		found.failed[0].Error != "the sitemap cannot be read: the site has more than 1,000 sitemaps" {
		t.Errorf("%v, %+v", err, found.failed)
	}
	for _, text := range []string{
		urlset("http://a/1") + strings.Repeat(" ", 1000), gzipped(t, urlset("http://a/1")+strings.Repeat(" ", 1000)),
	} {
		var last error
		n := 0
		for e, err := range listed(strings.NewReader(text), 500) {
			if last = err; err == nil && e.loc == "http://a/1" {
				n++
			}
		}
		if n != 1 || last == nil || last.Error() != "it is larger than 500 bytes" {
			t.Errorf("%d entries, %v", n, last)
		}
	}
}

func FuzzSitemap(f *testing.F) {
	f.Add([]byte(urlset("http://a/1 2026-11-01")))
	f.Add([]byte(index("http://a/1")))
	f.Add([]byte(gzipped(f, urlset("http://a/1"))))
	f.Add([]byte("<urlset></url><loc>"))
	f.Fuzz(func(t *testing.T, text []byte) {
		ended := false
		for e, err := range listed(bytes.NewReader(text), 1<<16) {
			if ended || err == nil && (strings.TrimSpace(e.loc) == "" || len(e.loc) > maxLoc) {
				t.Fatalf("%+v, %v", e, err)
			}
			ended = err != nil
		}
	})
}
