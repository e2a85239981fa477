package storetest

import (
	"fmt"
	"strings"
	"time"

	"kvasir/internal/memo"
)

// vocabulary returns that of the room's project.
func (r *room) vocabulary(within ...memo.Filter) memo.Vocabulary {
	r.Helper()
	v, err := r.s.Vocabulary(r.Context(), memo.Selection{Project: r.p, Filters: within, Now: r.now})
	r.must(err)
	return v
}

func vocabularyIsOfTheProject(r *room) {
	add := func(title string, change func(*memo.Draft)) memo.ID {
		d := plain(title, "some text")
		change(&d)
		id, _ := r.live(d)
		return id
	}
	add("1", func(d *memo.Draft) {
		d.Tags, d.Source, d.Metadata = []string{"bird", "water"}, new("wiki"), []byte(`{"year": 2024, "draft": true}`)
		d.Scopes = map[string]string{"team": "red"}
	})
	gone := add("2", func(d *memo.Draft) {
		d.Tags, d.Metadata = []string{"water", strings.Repeat("long", 100), ""}, []byte(`{"year": 2024, "n": null}`)
	})
	add("3", func(d *memo.Draft) { d.Tags, d.Expires = []string{"secret"}, new(r.now.Add(time.Minute)) })
	r.create(memo.Draft{Attributes: memo.Attributes{Title: "not live", Tags: []string{"secret"}}, Content: "text"})
	other := plain("of others", "text")
	other.Tags = []string{"secret"}
	r.createIn(r.db.AddProject(r.T), other)
	r.now = r.now.Add(time.Hour)

	want := memo.Vocabulary{
		Tags: []string{"water", "bird"}, Sources: []string{"wiki"},
		Metadata: []memo.Pair{{Key: "year", Value: "2024"}, {Key: "draft", Value: "true"}},
	}
	r.same(want, r.vocabulary(), "Vocabulary")
	want.Tags = []string{"bird", "water"}
	want.Metadata = []memo.Pair{{Key: "draft", Value: "true"}, {Key: "year", Value: "2024"}}
	red := memo.Filter{Type: memo.FilterScope, Field: "team", Operator: "eq", Values: []string{"red"}}
	r.same(want, r.vocabulary(red), "Vocabulary within a scope")
	later := memo.Filter{
		Type: memo.FilterNative, Field: memo.FieldCreated, Operator: memo.OperatorFrom, Values: []string{"2030-01-01"},
	}
	r.same(memo.Vocabulary{}, r.vocabulary(later), "Vocabulary of what is not there yet")
	_, err := r.s.DeleteMemo(r.Context(), r.p, memo.Ref{ID: gone}, r.now)
	r.must(err)
	r.same(want, r.vocabulary(), "Vocabulary after a memo is gone")
}

func vocabularyIsBounded(r *room) {
	for i := range 3 {
		d := plain(fmt.Sprint(i), "some text")
		for n := range 90 {
			d.Tags = append(d.Tags, fmt.Sprintf("%d-%02d", i, n))
		}
		d.Tags = append(d.Tags, "zz")
		r.live(d)
	}
	tags := r.vocabulary().Tags
	if len(tags) != 200 || tags[0] != "zz" || tags[1] != "0-00" || tags[199] != "2-18" {
		r.Errorf("%d tags, %q to %q; want 200, the most frequent first", len(tags), tags[:2], tags[len(tags)-1:])
	}
}
