package store

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"
)

// collect returns what scan makes of each row.
func collect[T any](
	ctx context.Context, tx Tx, scan func(Rows) (T, error), statement string, args ...any,
) (out []T, err error) {
	rows, err := tx.Query(ctx, statement, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close() // what it could report, Err has said
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, rows.Err()
}

// find returns what scan makes of the first row, and whether there is one.
func find[T any](
	ctx context.Context, tx Tx, scan func(Rows) (T, error), statement string, args ...any,
) (v T, ok bool, err error) {
	rows, err := tx.Query(ctx, statement, args...)
	if err != nil {
		return v, false, err
	}
	defer rows.Close() // what it could report, Err has said
	if !rows.Next() {
		return v, false, rows.Err()
	}
	v, err = scan(rows)
	return v, err == nil, err
}

func scanInt(r Rows) (n int64, err error) {
	err = r.Scan(&n)
	return n, err
}

func scanString[T ~string](r Rows) (T, error) {
	var s string
	err := r.Scan(&s)
	return T(s), err
}

// maxList is how many values go into one list of placeholders.
const maxList = 256

// list returns " ($from, …)" and args followed by the values. It pads the list
// with the last value to a power of four, so that few different statements are
// prepared. There is at least one value and at most maxList.
func list[T ~string](args []any, values []T) (placeholders string, all []any) {
	size := 1
	for size < len(values) {
		size *= 4
	}
	all = slices.Grow(slices.Clip(args), size)
	var b strings.Builder
	for i := range size {
		b.WriteString(", $")
		b.WriteString(strconv.Itoa(len(all) + 1))
		all = append(all, string(values[min(i, len(values)-1)]))
	}
	return " (" + b.String()[2:] + ")", all
}

// rowsAtOnce is how many rows one statement inserts.
const rowsAtOnce = 16

// An insertion is a statement that inserts rows of one form.
type insertion struct {
	into string // ends in VALUES
	row  string // with placeholders from $1, as if there were only one
	tail string
}

// statements insert the rows, many at once. Each inserts a power of two of them, so that
// few different ones are prepared.
func (i insertion) statements(rows [][]any) (statements []Statement) {
	for len(rows) > 0 {
		size := rowsAtOnce
		for size > len(rows) {
			size /= 2
		}
		statements = append(statements, Statement{Text: i.text(size, len(rows[0])), Args: slices.Concat(rows[:size]...)})
		rows = rows[size:]
	}
	return statements
}

// text returns the statement for so many rows of so many values.
func (i insertion) text(size, width int) string {
	var b strings.Builder
	b.WriteString(i.into)
	parts := strings.Split(i.row, "$")
	for n := range size {
		if n > 0 {
			b.WriteByte(',')
		}
		b.WriteString(parts[0])
		for _, part := range parts[1:] {
			digits := len(part) - len(strings.TrimLeft(part, "0123456789"))
			number, _ := strconv.Atoi(part[:digits]) // there is a digit after each $
			b.WriteByte('$')
			b.WriteString(strconv.Itoa(number + n*width))
			b.WriteString(part[digits:])
		}
	}
	b.WriteString(i.tail)
	return b.String()
}

func micros(t time.Time) int64 { return t.UnixMicro() }

func microsOrNull(t *time.Time) *int64 {
	if t == nil {
		return nil
	}
	return new(t.UnixMicro())
}

func timeOf(us int64) time.Time { return time.UnixMicro(us).UTC() }

func timeOrNil(us *int64) *time.Time {
	if us == nil {
		return nil
	}
	return new(timeOf(*us))
}

// orNull returns nil for an empty text.
func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func orEmpty(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// stringsJSON encodes a list; nil is the empty list.
func stringsJSON(v []string) string {
	if len(v) == 0 {
		return "[]"
	}
	return toJSON(v)
}

// fromStringsJSON decodes a list; the empty one is nil.
func fromStringsJSON(s string) (v []string, err error) {
	if s == "[]" {
		return nil, nil
	}
	err = json.Unmarshal([]byte(s), &v)
	return v, err
}
