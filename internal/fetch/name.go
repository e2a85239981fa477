package fetch

import (
	"bufio"
	"io"
	"mime"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A known is how files of a type end.
type known struct {
	extensions []string // the usual one first
	loose      bool     // files of the type end in many ways, so one that there is stays
}

// types are the types whose files are told apart by their names later on. Servers
// are right about these; about text they are not.
var types = map[string]known{
	"text/html":                               {[]string{".html", ".htm"}, false},
	"application/xhtml+xml":                   {[]string{".html", ".htm", ".xhtml"}, false},
	"application/pdf":                         {[]string{".pdf"}, false},
	"application/x-pdf":                       {[]string{".pdf"}, false},
	"application/msword":                      {[]string{".doc"}, false},
	"application/rtf":                         {[]string{".rtf"}, false},
	"text/rtf":                                {[]string{".rtf"}, false},
	"application/epub+zip":                    {[]string{".epub"}, false},
	"message/rfc822":                          {[]string{".eml"}, false},
	"application/vnd.ms-outlook":              {[]string{".msg"}, false},
	"application/vnd.oasis.opendocument.text": {[]string{".odt"}, false},
	"application/vnd.openxmlformats-officedocument.wordprocessingml.document":   {[]string{".docx"}, false},
	"application/vnd.openxmlformats-officedocument.presentationml.presentation": {[]string{".pptx"}, false},
	"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet":         {[]string{".xlsx"}, false},
	"application/x-ipynb+json":  {[]string{".ipynb"}, false},
	"text/csv":                  {[]string{".csv", ".tsv", ".txt"}, false},
	"text/tab-separated-values": {[]string{".tsv", ".csv", ".txt"}, false},
	"application/json":          {[]string{".json"}, true},
	"text/json":                 {[]string{".json"}, true},
	"application/x-ndjson":      {[]string{".jsonl", ".ndjson"}, false},
	"application/xml":           {[]string{".xml"}, true},
	"text/xml":                  {[]string{".xml"}, true},
	"text/markdown":             {[]string{".md"}, true},
	"text/plain":                {[]string{".txt"}, true},
}

const (
	octets     = "application/octet-stream"
	sniffBytes = 512
	maxName    = 200 // bytes
)

// sniffed returns the body and its type: what the server says, or, if it says
// nothing of use, what the first bytes look like.
func sniffed(b *body, h http.Header) (io.ReadCloser, string) {
	mediaType, params, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err == nil && mediaType != octets && mediaType != "binary/octet-stream" && strings.Contains(mediaType, "/") {
		if charset := params["charset"]; charset != "" {
			return b, mime.FormatMediaType(mediaType, map[string]string{"charset": charset})
		}
		return b, mediaType
	}
	ahead := bufio.NewReaderSize(b, sniffBytes)
	head, _ := ahead.Peek(sniffBytes) // an error comes again with the next read
	mediaType, _, _ = strings.Cut(http.DetectContentType(head), ";")
	return &readCloser{ahead, b}, mediaType
}

type readCloser struct {
	io.Reader
	io.Closer
}

// fileName makes a name for a page: the server's own, else the end of its address,
// with an extension that fits its type.
func fileName(h http.Header, u *url.URL, mimeType string) string {
	name := ""
	if _, params, err := mime.ParseMediaType(h.Get("Content-Disposition")); err == nil {
		name = clean(params["filename"])
	}
	if name == "" {
		name = clean(path.Base(strings.TrimSuffix(u.Path, "/")))
	}
	if name == "" {
		name = "index"
	}
	return extended(name, mimeType)
}

// clean makes a harmless file name of what a stranger sends, "" if nothing is left.
func clean(name string) string {
	name = strings.ToValidUTF8(name, "")
	if i := strings.LastIndexAny(name, `/\`); i >= 0 {
		name = name[i+1:]
	}
	name = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsGraphic(r), strings.ContainsRune(`<>:"|?*`, r):
			return -1
		}
		return r
	}, name)
	return strings.Trim(name, ". ")
}

// extended gives a name an extension that fits the type, and cuts it to a length
// that file systems take.
func extended(name, mimeType string) string {
	mediaType, _, _ := strings.Cut(mimeType, ";")
	has := extension(name)
	add := ""
	if k, ok := types[mediaType]; ok {
		if !(k.loose && has != "") && !slices.Contains(k.extensions, strings.ToLower(has)) {
			add = k.extensions[0]
		}
	} else if has == "" {
		switch {
		case strings.HasSuffix(mediaType, "+xml"):
			add = ".xml"
		case strings.HasSuffix(mediaType, "+json"):
			add = ".json"
		case strings.HasPrefix(mediaType, "text/"):
			add = ".txt"
		}
	}
	if add == "" {
		add = has
		name = strings.TrimSuffix(name, has)
	}
	for len(name)+len(add) > maxName {
		_, size := utf8.DecodeLastRuneInString(name)
		name = name[:len(name)-size]
	}
	return strings.TrimRight(name, ". ") + add
}

// maxExtension is the length of the longest extension, with its dot; what is longer
// is a part of the name.
const maxExtension = 10

// extension returns the extension of a name, "" for none: "v1.2" has none.
func extension(name string) string {
	ext := path.Ext(name)
	if len(ext) < 2 || len(ext) > maxExtension || len(ext) == len(name) || strings.Trim(ext, ".0123456789") == "" {
		return ""
	}
	return ext
}
