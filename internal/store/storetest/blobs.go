package storetest

import (
	"slices"

	"kvasir/internal/account"
	"kvasir/internal/memo"
)

func blobsAreNamed(r *room) {
	ctx := r.Context()
	document := func(blob string) memo.Draft {
		return memo.Draft{
			Attributes: memo.Attributes{Title: blob},
			File:       &memo.File{Name: "a.pdf", Size: 1, Blob: blob, Hash: blob},
		}
	}
	first := r.create(document("one"))
	r.create(document("two"))
	r.create(page("https://example.org"))
	want := func(names ...string) {
		r.Helper()
		keys, ok, err := r.s.Blobs(ctx, r.p)
		r.must(err)
		if slices.Sort(keys); !ok || !slices.Equal(keys, names) {
			r.Errorf("the project's files are %v, %v, want %v", keys, ok, names)
		}
	}
	want("one", "two")
	_, err := r.s.DeleteMemo(ctx, r.p, memo.Ref{ID: first}, r.now)
	r.must(err)
	want("two")
	keys, ok, err := r.s.Blobs(ctx, account.ProjectID("00000000-0000-0000-0000-000000000000"))
	if r.must(err); ok || len(keys) > 0 {
		r.Errorf("a project that is not has the files %v", keys)
	}
}
