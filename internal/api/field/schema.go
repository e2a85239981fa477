package field

import (
	"slices"

	"github.com/danielgtaylor/huma/v2"
)

// explain documents the fields of a request body that are named in pairs with
// their texts. Tags hold what is checked, this what is told.
func Explain(s *huma.Schema, pairs ...string) *huma.Schema {
	for pair := range slices.Chunk(pairs, 2) {
		s.Properties[pair[0]].Description = pair[1]
	}
	return s
}

// MayBeNull documents objects that may be null, which their tags cannot.
func MayBeNull(s *huma.Schema, names ...string) *huma.Schema {
	for _, name := range names {
		s.Properties[name] = &huma.Schema{OneOf: []*huma.Schema{s.Properties[name], {Type: "null"}}}
	}
	return s
}
