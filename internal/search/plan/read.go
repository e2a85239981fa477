package plan

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"kvasir/internal/llm"
	"kvasir/internal/memo"
)

const (
	maxQueries = 4
	// What is longer is no query, and no passage.
	maxQueryBytes      = 500
	maxHypothesisBytes = 4000
)

// object is a JSON object whose values may be of any shape. Models that are not held
// to a schema forget keys, and write one value where a list is wanted.
type object map[string]json.RawMessage

// read takes what can be used of what the model said.
func (d *draft) read(said string) {
	var answer object
	if raw, ok := llm.FindObject(said); !ok || json.Unmarshal(raw, &answer) != nil {
		d.notef("left out: the model wrote no JSON")
		return
	}
	if d.want.MultiQuery {
		d.readQueries(answer.texts("queries"))
	}
	if d.want.HyDE {
		d.readHypothesis(answer.text("hypothesis"))
	}
	if d.want.Filters {
		var filters object
		if json.Unmarshal(answer["filters"], &filters) != nil {
			filters = nil
		}
		d.readFilters(filters)
	}
}

// readQueries takes those that say something else than the question.
func (d *draft) readQueries(written []string) {
	seen := map[string]bool{strings.ToLower(strings.TrimSpace(d.question)): true}
	for _, q := range written {
		folded := strings.ToLower(q)
		if len(q) > maxQueryBytes || seen[folded] || len(d.Queries) == maxQueries {
			continue
		}
		seen[folded] = true
		d.Queries = append(d.Queries, q)
	}
	if len(d.Queries) == 0 {
		d.notef("no other queries")
		return
	}
	d.notef("looked up, too: %s", strings.Join(d.Queries, " · "))
}

func (d *draft) readHypothesis(written string) {
	if written == "" || len(written) > maxHypothesisBytes {
		d.notef("no made-up answer")
		return
	}
	d.Answer = written
	d.notef("made-up answer: %s", written)
}

// readFilters takes those whose values exist.
func (d *draft) readFilters(written object) {
	native := func(field, operator string, values ...string) {
		f := memo.Filter{Type: memo.FilterNative, Field: field, Operator: operator, Values: values}
		d.Filters = append(d.Filters, f)
	}
	if tags := d.existing("tag", written.texts("tags"), d.marks.Tags); len(tags) > 0 {
		native("tags", "in", tags...)
	}
	if sources := d.existing("source", written.texts("sources"), d.marks.Sources); len(sources) > 0 {
		native("source", "in", sources...)
	}
	d.readMetadata(written.pairs("metadata"))
	for _, times := range []struct{ field, from, until string }{
		{memo.FieldCreated, "created_from", "created_until"},
		{memo.FieldUpdated, "updated_from", "updated_until"},
	} {
		from, until := d.date(written.text(times.from)), d.date(written.text(times.until))
		if from != "" && until != "" && from > until {
			d.notef("left out: %s from %s until %s", times.field, from, until)
			continue
		}
		if from != "" {
			native(times.field, memo.OperatorFrom, from)
		}
		if until != "" {
			native(times.field, memo.OperatorUntil, until)
		}
	}
	if len(d.Filters) == 0 {
		d.notef("the question names no filters")
	}
}

// existing returns the values as the project spells them, less those it does not have.
func (d *draft) existing(kind string, written, known []string) (out []string) {
	for _, value := range written {
		spelled, ok := spelling(value, known)
		switch {
		case !ok:
			d.notef("left out: nothing has the %s %q", kind, value)
		case !slices.Contains(out, spelled):
			out = append(out, spelled)
		}
	}
	return out
}

// spelling finds a value among the known ones: as it is, or but for case.
func spelling(value string, known []string) (string, bool) {
	if slices.Contains(known, value) {
		return value, true
	}
	i := slices.IndexFunc(known, func(k string) bool { return strings.EqualFold(k, value) })
	if i < 0 {
		return "", false
	}
	return known[i], true
}

// readMetadata takes pairs that exist. Of several values of one key any will do.
func (d *draft) readMetadata(written []memo.Pair) {
	values := map[string][]string{}
	for _, pair := range d.marks.Metadata {
		values[pair.Key] = append(values[pair.Key], pair.Value)
	}
	first := len(d.Filters)
	for _, pair := range written {
		value, ok := spelling(pair.Value, values[pair.Key])
		if !ok {
			d.notef("left out: nothing has %q as %q", pair.Value, pair.Key)
			continue
		}
		same := func(f memo.Filter) bool { return f.Field == pair.Key }
		if i := slices.IndexFunc(d.Filters[first:], same); i >= 0 {
			f := &d.Filters[first+i]
			f.Values = append(f.Values, value)
			continue
		}
		d.Filters = append(d.Filters, memo.Filter{
			Type: memo.FilterMetadata, Field: pair.Key, Operator: "in", Values: []string{value},
		})
	}
}

// date returns a date as filters compare it, "" for none.
func (d *draft) date(written string) string {
	day, _, _ := strings.Cut(written, "T")
	if day == "" {
		return ""
	}
	if _, err := time.Parse(time.DateOnly, day); err != nil {
		d.notef("left out: %q is no date", written)
		return ""
	}
	return day
}

// text returns a text, "" for anything else.
func (o object) text(key string) string {
	var s string
	if json.Unmarshal(o[key], &s) != nil {
		return ""
	}
	return strings.TrimSpace(strings.ToValidUTF8(s, ""))
}

// texts returns the texts of a list, or the one that stands in its place.
func (o object) texts(key string) (out []string) {
	var list []json.RawMessage
	if json.Unmarshal(o[key], &list) != nil {
		list = []json.RawMessage{o[key]}
	}
	for _, item := range list {
		if s := (object{key: item}).text(key); s != "" {
			out = append(out, s)
		}
	}
	return out
}

// pairs returns a list of pairs, or those of the object that stands in its place.
func (o object) pairs(key string) (out []memo.Pair) {
	var list []json.RawMessage
	if json.Unmarshal(o[key], &list) != nil {
		return memo.Pairs(o[key])
	}
	for _, raw := range list {
		var item object
		if json.Unmarshal(raw, &item) != nil {
			continue
		}
		value := item.text("value")
		if raw := item["value"]; value == "" && len(raw) > 0 && !strings.ContainsAny(string(raw[:1]), `"{[n`) {
			value = string(raw) // a number or a boolean, as it is spelled
		}
		out = append(out, memo.Pair{Key: item.text("key"), Value: value})
	}
	return out
}
