package storetest

import (
	"kvasir/internal/account"
	"kvasir/internal/fault"
)

func keyIsMadeOnce(r *room) {
	again, err := r.s.EnsureProject(r.Context(), account.Key{}, r.tick())
	r.must(err)
	if !again.IsZero() {
		r.Error("EnsureProject made a second key")
	}
	_, err = r.s.FindKey(r.Context(), account.HashKey("sk_proj_unknown"))
	r.refused(err, fault.NotFound, "an unknown key")
}

func givenKeyReplaces(r *room) {
	first, second := account.NewKey(), account.NewKey()
	for _, key := range []account.Key{first, second, second} {
		made, err := r.s.EnsureProject(r.Context(), key, r.tick())
		r.must(err)
		if !made.IsZero() {
			r.Error("EnsureProject made a key although one was given")
		}
	}
	caller, err := r.s.FindKey(r.Context(), second.Hash())
	r.must(err)
	if caller.Project != r.p || caller.Organization == "" {
		r.Errorf("the second key speaks for %+v, want project %s", caller, r.p)
	}
	_, err = r.s.FindKey(r.Context(), first.Hash())
	r.refused(err, fault.NotFound, "the replaced key")
}
