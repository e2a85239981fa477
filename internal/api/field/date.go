package field

import (
	"encoding/json"
	"math"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// A Date is a moment that a client sends: whatever its JavaScript would take
// for one.
type Date time.Time

const invalidDate = "Invalid date"

// Schema documents what is taken.
func (Date) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{OneOf: []*huma.Schema{
		{Type: "string", Format: "date-time", Description: "ISO 8601; without an offset it is UTC."},
		{Type: "number", Description: "Milliseconds since 1970."},
		{Type: "null"},
	}}
}

// dateLayouts are tried in turn; a fraction of seconds is taken wherever there
// are seconds.
var dateLayouts = []string{
	time.RFC3339, "2006-01-02T15:04:05Z0700", "2006-01-02T15:04Z07:00", "2006-01-02T15:04:05", "2006-01-02T15:04",
	"2006-01-02", "2006-01", "2006",
	"2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05Z07", "2006-01-02 15:04:05", "2006-01-02 15:04",
	time.RFC1123, time.RFC1123Z, "Mon Jan 2 2006 15:04:05 GMT-0700", "Jan 2, 2006", "January 2, 2006",
	"2 Jan 2006", "2 January 2006", "2006/01/02", "1/2/2006",
}

func decodeDate(raw []byte, kind string, into *Date) string {
	switch kind {
	case "string":
		var text string
		if err := json.Unmarshal(raw, &text); err != nil {
			return syntax(err)
		}
		return ParseDate(text, into)
	case "number":
		ms, err := strconv.ParseFloat(string(raw), 64)
		if err != nil || math.Abs(ms) > 8.64e15 { // JavaScript's own bound
			return invalidDate
		}
		return bounded(time.UnixMilli(int64(ms)), into)
	}
	return invalidDate
}

// ParseDate reads a date in any form that is taken, and returns what is wrong with it.
func ParseDate(text string, into *Date) string {
	for _, layout := range dateLayouts {
		if t, err := time.Parse(layout, text); err == nil {
			return bounded(t, into)
		}
	}
	return invalidDate
}

// bounded refuses years that RFC 3339 cannot write.
func bounded(t time.Time, into *Date) string {
	t = t.UTC().Truncate(time.Millisecond)
	if t.Year() < 1 || t.Year() > 9999 {
		return invalidDate
	}
	*into = Date(t)
	return ""
}
