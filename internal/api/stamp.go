package api

import (
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// A stamp is a moment as the wire shows it: UTC with milliseconds.
type stamp time.Time

// Schema documents the form.
func (stamp) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: "string", Format: "date-time"}
}

// MarshalText is for JSON.
func (s stamp) MarshalText() ([]byte, error) {
	return time.Time(s).UTC().AppendFormat(nil, "2006-01-02T15:04:05.000Z"), nil
}

// stampOf returns t for the wire; nil stays nil.
func stampOf(t *time.Time) *stamp {
	if t == nil {
		return nil
	}
	return new(stamp(*t))
}
