package memo_test

import (
	"testing"
	"time"

	"kvasir/internal/memo"
)

func TestTimesAreInRanges(t *testing.T) {
	t.Parallel()
	a := &memo.Attributes{
		Created: time.Date(2026, 1, 31, 23, 59, 59, 999_999_000, time.UTC),
		Updated: time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC),
	}
	for _, tt := range []struct {
		field, operator, value string
		want                   bool
	}{
		{"created_at", "gte", "2026-01-31", true},
		{"created_at", "gte", "2026-02-01", false},
		{"created_at", "lte", "2026-01-31", true},
		{"created_at", "lte", "2026-01-30", false},
		{"updated_at", "gte", "2026-02-01", true},
		{"updated_at", "lte", "2026-01-31", false},
		{"updated_at", "gte", "2026-02-01T00:00:00Z", true},
		{"updated_at", "lte", "2026-02-01T00:00:00Z", true},
		{"updated_at", "lte", "2026-02-01T02:00:00+03:00", false},
		{"updated_at", "gte", "2026-02-01T01:00:00+01:00", true},
		{"updated_at", "gte", "2026-02-01T00:00:00.000001Z", false},
		{"created_at", "gte", "soon", false},
	} {
		f := memo.Filter{Type: memo.FilterNative, Field: tt.field, Operator: tt.operator, Values: []string{tt.value}}
		if got := (memo.Filters{f}).Match(a); got != tt.want {
			t.Errorf("%s %s %s: Match = %v, want %v", tt.field, tt.operator, tt.value, got, tt.want)
		}
		if (memo.Filters{f}).Match(&memo.Attributes{}) {
			t.Errorf("%s %s %s matches a memo whose times are not known", tt.field, tt.operator, tt.value)
		}
	}
}
