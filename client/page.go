package client

import (
	"iter"
	"net/url"
	"strconv"
)

// MaxPageSize is the most that one page of a list holds.
const MaxPageSize = 100

// A PageRequest asks for a page of a list. The zero value is the first one.
type PageRequest struct {
	Page int // from 1; 0 is 1
	Size int // at most [MaxPageSize]; 0 is the server's default, 20
}

func (p PageRequest) query() url.Values {
	q := url.Values{}
	if p.Page != 0 {
		q.Set("page", strconv.Itoa(p.Page))
	}
	if p.Size != 0 {
		q.Set("page_size", strconv.Itoa(p.Size))
	}
	return q
}

// A Page is a page of a list.
type Page[T any] struct {
	Results    []T `json:"results"`
	Count      int `json:"count"` // on all pages
	Page       int `json:"page"`
	Size       int `json:"page_size"`
	TotalPages int `json:"total_pages"`
}

// all yields the results of every page.
func all[T any](list func(PageRequest) (Page[T], error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for number := 1; ; number++ {
			page, err := list(PageRequest{Page: number, Size: MaxPageSize})
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			for _, result := range page.Results {
				if !yield(result, nil) {
					return
				}
			}
			if number >= page.TotalPages {
				return
			}
		}
	}
}
