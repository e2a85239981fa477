package memo

import (
	"encoding/json"
	"time"
)

// The native fields that are times, and their operators. The wire's own fields and
// operators know nothing of them, and stay what they are.
const (
	FieldCreated = "created_at"
	FieldUpdated = "updated_at"

	OperatorFrom  = "gte"
	OperatorUntil = "lte"
)

const badTime = "Value must be a date (2026-01-31) or a time (2026-01-31T12:00:00Z) for gte and lte operators"

// ofTime reports whether the filter compares a time of the memo.
func (f *Filter) ofTime() bool {
	return f.Type == FilterNative && (f.Field == FieldCreated || f.Field == FieldUpdated) &&
		(f.Operator == OperatorFrom || f.Operator == OperatorUntil)
}

// readTime takes the value, or says what is wrong with it.
func (f *Filter) readTime(value json.RawMessage) (problem string) {
	f.Values = []string{text(value)}
	if _, _, ok := moment(f.Values[0]); !ok {
		return badTime
	}
	return ""
}

// matchTime compares. A time that is not known is in no range.
func (f *Filter) matchTime(a *Attributes) bool {
	have := a.Created
	if f.Field == FieldUpdated {
		have = a.Updated
	}
	begin, end, ok := moment(f.Values[0])
	if !ok || have.IsZero() {
		return false
	}
	if f.Operator == OperatorFrom {
		return !have.Before(begin)
	}
	return have.Before(end)
}

// moment returns when a written time begins, and when it is over: a date is a day of
// UTC, so until a date means until its end.
func moment(written string) (begin, end time.Time, ok bool) {
	if day, err := time.Parse(time.DateOnly, written); err == nil {
		return day, day.AddDate(0, 0, 1), true
	}
	at, err := time.Parse(time.RFC3339, written)
	return at, at.Add(1), err == nil
}
