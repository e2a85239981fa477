package storetest

import (
	"time"

	"kvasir/internal/fault"
	"kvasir/internal/memo"
)

func memosAreReadInParts(r *room) {
	ctx := r.Context()
	d := plain("Ducks", "ducks swim")
	d.Scopes, d.Expires = map[string]string{"team": "red"}, new(r.now.Add(time.Hour))
	id, chunks := r.live(d)
	in := memo.Selection{Project: r.p, Now: r.now}
	red := memo.Filter{Type: memo.FilterScope, Field: "team", Operator: "eq", Values: []string{"red"}}
	in.Filters = memo.Filters{red}
	for _, tt := range []struct {
		from, limit int
		want        string
	}{{0, 10, "ducks| swim"}, {0, 1, "ducks"}, {1, 10, " swim"}, {2, 10, ""}} {
		passages, total, err := r.s.Excerpt(ctx, in, id, tt.from, tt.limit)
		r.must(err)
		var got []memo.Chunk
		for _, p := range passages {
			if p.Memo != id || p.Title != "Ducks" {
				r.Errorf("a passage of %s, %q", p.Memo, p.Title)
			}
			got = append(got, p.Chunk)
		}
		if texts(got) != tt.want || total != 2 {
			r.Errorf("from %d, %d of it: %q of %d, want %q of 2", tt.from, tt.limit, texts(got), total, tt.want)
		}
	}
	r.update(id, memo.Patch{Content: new("geese fly")})
	if passages, _, err := r.s.Excerpt(ctx, in, id, 0, 1); err != nil || passages[0].ID != chunks[0].ID {
		r.Errorf("while a new text is worked on: %+v, %v; want the live one", passages, err)
	}
	in.Now = r.now.Add(2 * time.Hour)
	_, _, err := r.s.Excerpt(ctx, in, id, 0, 1)
	r.refused(err, fault.NotFound, "an expired memo")
	in.Now = r.now
	in.Filters[0].Values = []string{"blue"}
	_, _, err = r.s.Excerpt(ctx, in, id, 0, 1)
	r.refused(err, fault.NotFound, "a memo of another scope")
	_, _, err = r.s.Excerpt(ctx, memo.Selection{Project: r.db.AddProject(r.T), Now: r.now}, id, 0, 1)
	r.refused(err, fault.NotFound, "a memo of another project")
	_, _, err = r.s.Excerpt(ctx, memo.Selection{Project: r.p, Now: r.now}, r.create(plain("x", "y")), 0, 1)
	r.refused(err, fault.NotFound, "a memo that is not searchable yet")
}
