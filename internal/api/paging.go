package api

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

const (
	defaultPageSize = 20
	maxPageSize     = 100
	maxPage         = 1_000_000_000 // times maxPageSize is far from overflow
)

// A pageNumber is a whole number in a query. Like the wire it is read up to the
// first character that is no digit, and 0 or nothing means the default.
type pageNumber string

// Schema documents the number.
func (pageNumber) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: "integer"}
}

func (n pageNumber) read(byDefault int) int {
	text := strings.TrimSpace(string(n))
	end := 0
	if strings.HasPrefix(text, "-") || strings.HasPrefix(text, "+") {
		end = 1
	}
	for end < len(text) && '0' <= text[end] && text[end] <= '9' {
		end++
	}
	number, _ := strconv.Atoi(text[:end]) // 0 for garbage, the nearest int if out of range
	return cmp.Or(number, byDefault)
}

// A listInput is the input of a list.
type listInput struct {
	request
	Page     pageNumber `query:"page" minimum:"0" maximum:"1000000000" doc:"From 1, the default."`
	PageSize pageNumber `query:"page_size" minimum:"0" maximum:"100" doc:"Results a page; default 20."`
}

// A page is a checked place in a list.
type page struct{ number, size int }

func (in *listInput) page() (page, error) {
	p := page{in.Page.read(1), in.PageSize.read(defaultPageSize)}
	switch {
	case p.size > maxPageSize:
		return p, invalid(fmt.Sprintf("page_size must be less than or equal to %d", maxPageSize))
	case p.number < 1:
		return p, invalid("page must be greater than or equal to 1")
	case p.size < 1:
		return p, invalid("page_size must be greater than or equal to 1")
	case p.number > maxPage:
		return p, invalid(fmt.Sprintf("page must be less than or equal to %d", maxPage))
	}
	return p, nil
}

func (p page) offset() int { return (p.number - 1) * p.size }

// An envelope is a page of a list.
type envelope[T any] struct {
	Results    []T     `json:"results" nullable:"false"`
	Count      int     `json:"count" doc:"How many there are on all pages."`
	Page       int     `json:"page"`
	PageSize   int     `json:"page_size"`
	TotalPages int     `json:"total_pages"`
	Next       *string `json:"next" doc:"The address of the next page."`
	Previous   *string `json:"previous" doc:"The address of the page before."`
}

// A listOutput is a page as an answer.
type listOutput[T any] struct {
	Body envelope[T]
}

// listPage puts the results of a page into its envelope.
func listPage[T any](s *server, r *http.Request, p page, results []T, count int) *listOutput[T] {
	out := &listOutput[T]{envelope[T]{
		Results: results, Count: count, Page: p.number, PageSize: p.size,
		TotalPages: (count + p.size - 1) / p.size,
	}}
	if p.number < out.Body.TotalPages {
		out.Body.Next = new(s.pageURL(r, p, p.number+1))
	}
	if p.number > 1 {
		out.Body.Previous = new(s.pageURL(r, p, min(p.number-1, max(1, out.Body.TotalPages))))
	}
	return out
}

func (s *server) pageURL(r *http.Request, p page, number int) string {
	base := strings.TrimSuffix(s.Options.PublicURL, "/")
	if base == "" {
		scheme := "http"
		if r.TLS != nil {
			scheme = "https"
		}
		base = (&url.URL{Scheme: scheme, Host: r.Host}).String()
	}
	return fmt.Sprintf("%s%s?page=%d&page_size=%d", base, r.URL.EscapedPath(), number, p.size)
}
