package fetch

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestFileNames(t *testing.T) {
	t.Parallel()
	const docx = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
	tests := []struct{ disposition, path, mimeType, want string }{
		{"", "/", "text/html", "index.html"},
		{"", "", "", "index"},
		{"", "/wiki/Duck", "text/html; charset=utf-8", "Duck.html"},
		{"", "/wiki/Duck/", "text/html", "Duck.html"},
		{"", "/a/page.HTM", "text/html", "page.HTM"},
		{"", "/index.php", "text/html", "index.php.html"},
		{"", "/pdf/2401.12345", "application/pdf", "2401.12345.pdf"},
		{"", "/pdf/2401.12345v2.pdf", "application/pdf", "2401.12345v2.pdf"},
		{"", "/main.go", "text/plain", "main.go"},
		{"", "/README", "text/plain", "README.txt"},
		{"", "/release-1.2", "text/plain", "release-1.2.txt"},
		{"", "/notes.md", "text/plain", "notes.md"},
		{"", "/data", "application/json", "data.json"},
		{"", "/data.geojson", "application/json", "data.geojson"},
		{"", "/feed", "application/rss+xml", "feed.xml"},
		{"", "/x.bin", octets, "x.bin"},
		{"", "/download", docx, "download.docx"},
		{"", "/%D0%BA%D0%BD%D0%B8%D0%B3%D0%B0", "text/html", "книга.html"},
		{`attachment; filename="report.pdf"`, "/get?id=1", "application/pdf", "report.pdf"},
		{`attachment; filename*=UTF-8''na%C3%AFve.pdf`, "/", "application/pdf", "naïve.pdf"},
		{`attachment; filename="../../etc/passwd"`, "/", "text/plain", "passwd.txt"},
		{`attachment; filename="C:\\temp\\evil.doc"`, "/", "application/msword", "evil.doc"},
		{`attachment; filename="..."`, "/a.txt", "text/plain", "a.txt"},
		{`inline`, "/a.txt", "text/plain", "a.txt"},
		{"", "/" + strings.Repeat("й", 300) + ".pdf", "application/pdf", strings.Repeat("й", 98) + ".pdf"},
	}
	for _, tt := range tests {
		u, err := url.Parse("https://example.com" + tt.path)
		if err != nil {
			t.Fatal(err)
		}
		h := http.Header{"Content-Disposition": {tt.disposition}}
		if got := fileName(h, u, tt.mimeType); got != tt.want {
			t.Errorf("%s %s %s is named %q, want %q", tt.disposition, tt.path, tt.mimeType, got, tt.want)
		}
	}
}

func TestTypesThatServersDoNotTellAreSeen(t *testing.T) {
	t.Parallel()
	server, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Content-Type"] = nil
		if r.URL.Path == "/octets" {
			w.Header().Set("Content-Type", octets)
		}
		_, _ = io.WriteString(w, "%PDF-1.7\nand so on")
	})
	c := client(t, Options{Allow: loopback}, nil)
	for path, name := range map[string]string{"/octets": "octets.pdf", "/": "index.pdf"} {
		page, text, err := load(t, c, server.URL+path)
		if err != nil || page.Name != name || page.MIMEType != "application/pdf" || text != "%PDF-1.7\nand so on" {
			t.Errorf("%s gave %+v, %q, %v", path, page, text, err)
		}
	}
}

func FuzzFileName(f *testing.F) {
	f.Add(`attachment; filename="a/b.pdf"`, "/x/y.html", "text/html")
	f.Add(`attachment; filename*=utf-8''%e2%80%aegpj.exe`, "/..", "a/b")
	f.Fuzz(func(t *testing.T, disposition, path, mimeType string) {
		name := fileName(http.Header{"Content-Disposition": {disposition}}, &url.URL{Path: path}, mimeType)
		if name == "" || len(name) > maxName || strings.ContainsAny(name, "/\\\x00\n") || name[0] == '.' ||
			!utf8.ValidString(name) {
			t.Errorf("%q, %q, %q is named %q", disposition, path, mimeType, name)
		}
	})
}
