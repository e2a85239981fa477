package storetest

import (
	"fmt"
	"slices"

	"kvasir/internal/fault"
	"kvasir/internal/ledger"
	"kvasir/internal/llm"
	"kvasir/internal/memo"
)

// hashes returns those of texts of a name.
func hashes(name string, n int) []llm.TextHash {
	out := make([]llm.TextHash, n)
	for i := range out {
		out[i] = llm.HashText(fmt.Sprint(name, i))
	}
	return out
}

// filled returns as many vectors of a length, all of one number.
func filled(n, length int, value float32) []llm.Vector {
	out := make([]llm.Vector, n)
	for i := range out {
		out[i] = slices.Repeat(llm.Vector{value}, length)
	}
	return out
}

// known counts the texts that the cache has for a project.
func (r *room) known(project string, s llm.VectorSpace, texts []llm.TextHash) (n int) {
	r.Helper()
	vectors, err := r.s.CachedVectors(r.Context(), project, s, texts)
	r.must(err)
	if len(vectors) != len(texts) {
		r.Fatalf("%d vectors for %d texts", len(vectors), len(texts))
	}
	for _, v := range vectors {
		if v != nil {
			n++
		}
	}
	return n
}

func cacheIsTheOrganizations(r *room) {
	ctx := r.Context()
	space := llm.VectorSpace{Model: "m", Dimensions: 2, Input: llm.InputDocument}
	texts := hashes("text", 300)
	project := string(r.p)
	r.must(r.s.CacheVectors(ctx, project, space, texts, filled(300, 2, 0.1)))
	if n := r.known(project, space, texts); n != 0 {
		r.Errorf("%d vectors are kept without a bound", n)
	}
	r.s.BoundCache(1 << 20)
	r.must(r.s.CacheVectors(ctx, project, space, texts[:200], filled(200, 2, 0.1)))
	r.must(r.s.CacheVectors(ctx, project, space, texts[:1], filled(1, 2, 0.7))) // the first stays
	vectors, err := r.s.CachedVectors(ctx, project, space, append(texts, texts[0]))
	r.must(err)
	for i, v := range vectors {
		want := llm.Vector{0.1, 0.1}
		if i >= 200 && i < 300 {
			want = nil
		}
		if !slices.Equal(v, want) {
			r.Fatalf("vector %d: %v, want %v", i, v, want)
		}
	}
	sibling, stranger := string(r.db.AddProject(r.T)), string(r.db.AddTenant(r.T))
	if n := r.known(sibling, space, texts); n != 200 {
		r.Errorf("another project of the organization has %d, want 200", n)
	}
	for name, n := range map[string]int{
		"another organization":  r.known(stranger, space, texts),
		"another model":         r.known(project, llm.VectorSpace{Model: "n", Dimensions: 2, Input: space.Input}, texts),
		"another length":        r.known(project, llm.VectorSpace{Model: "m", Dimensions: 3, Input: space.Input}, texts),
		"another input":         r.known(project, llm.VectorSpace{Model: "m", Dimensions: 2, Input: llm.InputQuery}, texts),
		"a project that is not": r.known("nowhere", space, texts),
	} {
		if n != 0 {
			r.Errorf("%s has %d of the vectors", name, n)
		}
	}
	r.must(r.s.CacheVectors(ctx, "nowhere", space, texts[:1], filled(1, 2, 1)))
}

func cacheIsBounded(r *room) {
	ctx := r.Context()
	space := llm.VectorSpace{Model: "m", Dimensions: 256, Input: llm.InputDocument}
	r.s.BoundCache(1000 * 1024) // a thousand vectors
	all := hashes("text", 3000)
	for part := range slices.Chunk(all, 100) {
		r.must(r.s.CacheVectors(ctx, string(r.p), space, part, filled(len(part), 256, 1)))
	}
	if n := r.known(string(r.p), space, all); n > 1000 || n < 900 {
		r.Errorf("%d vectors are kept where there is room for 1,000", n)
	}
	if n := r.known(string(r.p), space, all[2900:]); n != 100 {
		r.Errorf("%d of the newest 100 are kept", n)
	}
}

func usageAddsUp(r *room) {
	ctx := r.Context()
	other := string(r.db.AddProject(r.T))
	entry := func(project string, day ledger.Day, memo string, kind llm.Kind, cost ledger.Money) ledger.Entry {
		return ledger.Entry{
			Account: ledger.Account{
				Day: day, Project: project, Key: "sk_proj_0000", Memo: memo, Kind: kind, Provider: "p", Model: "m",
			},
			Sum: ledger.Sum{Requests: 1, InputTokens: 10, CachedTokens: 2, OutputTokens: 3, Cost: cost},
		}
	}
	p := string(r.p)
	for range 2 {
		r.must(r.s.AddUsage(ctx, []ledger.Entry{
			entry(p, 100, "a", llm.KindEmbed, 5), entry(p, 101, "b", llm.KindEmbed, 7),
			entry(p, 101, "", llm.KindGenerate, 100), entry(other, 101, "", llm.KindGenerate, 1000),
			entry("nowhere", 101, "", llm.KindGenerate, 1),
		}))
	}
	usage := func(q ledger.Query) []ledger.Entry {
		entries, err := r.s.Usage(ctx, q)
		r.must(err)
		return entries
	}
	sum := func(n int64, cost ledger.Money) ledger.Sum {
		return ledger.Sum{Requests: n, InputTokens: 10 * n, CachedTokens: 2 * n, OutputTokens: 3 * n, Cost: cost}
	}
	whole := ledger.Query{Project: p, From: 0, To: 1000}
	r.same([]ledger.Entry{{Sum: sum(6, 224)}}, usage(whole), "the whole")
	byKind := whole
	byKind.By = []ledger.Dimension{ledger.ByKind, ledger.ByProject}
	r.same([]ledger.Entry{
		{Account: ledger.Account{Project: p, Kind: llm.KindGenerate}, Sum: sum(2, 200)},
		{Account: ledger.Account{Project: p, Kind: llm.KindEmbed}, Sum: sum(4, 24)},
	}, usage(byKind), "by kind, the costliest first")
	day := ledger.Query{
		Project: p, From: 101, To: 101, Limit: 1,
		By: []ledger.Dimension{ledger.ByDay, ledger.ByMemo, ledger.ByKey, ledger.ByProvider, ledger.ByModel},
	}
	r.same([]ledger.Entry{{
		Account: ledger.Account{Day: 101, Key: "sk_proj_0000", Provider: "p", Model: "m"}, Sum: sum(2, 200),
	}}, usage(day), "the costliest of a day")
	if none := usage(ledger.Query{Project: p, From: 200, To: 300}); len(none) != 0 {
		r.Errorf("days without calls: %+v", none)
	}
	spent, err := r.s.UsageByProject(ctx, 101)
	r.must(err)
	slices.SortFunc(spent, func(a, b ledger.Entry) int { return int(a.Cost - b.Cost) })
	r.same([]ledger.Entry{
		{Account: ledger.Account{Day: 101, Project: p}, Sum: sum(4, 214)},
		{Account: ledger.Account{Day: 101, Project: other}, Sum: sum(2, 2000)},
	}, spent, "by project")
	mine, err := r.s.Organization(ctx, p)
	r.must(err)
	theirs, err := r.s.Organization(ctx, other)
	if err != nil || mine == "" || mine != theirs {
		r.Errorf("organizations %q and %q, %v", mine, theirs, err)
	}
	_, err = r.s.Organization(ctx, "nowhere")
	r.refused(err, fault.NotFound, "the organization of no project")
}

func positionCountsWhoIsBefore(r *room) {
	ids := make([]memo.ID, 4)
	for i := range ids {
		ids[i] = r.create(plain(fmt.Sprint(i), "text"))
	}
	position := func(i, want int) {
		r.Helper()
		got, err := r.s.QueuePosition(r.Context(), r.p, ids[i])
		if err != nil || got != want {
			r.Errorf("memo %d has %d before it, %v; want %d", i, got, err, want)
		}
	}
	r.createIn(r.db.AddProject(r.T), plain("another project's", "text"))
	position(3, 3)
	position(0, 0)
	r.process(r.claim(1)[0])
	position(3, 2)
	position(0, 0) // done
}

func whoAddsIsBilled(r *room) {
	d := plain("T", "text")
	d.Key, d.ReferenceID = "sk_proj_1111", new("ref")
	r.create(d)
	if w := r.claimOne(); w.Key != "sk_proj_1111" {
		r.Errorf("the work is billed to %q", w.Key)
	}
	d.Key, d.Content = "sk_proj_2222", "other text"
	_, err := r.s.UpsertMemo(r.Context(), r.p, newMemoID(), d, r.tick())
	r.must(err)
	if w := r.claimOne(); w.Key != "sk_proj_2222" {
		r.Errorf("the work on what another key has replaced is billed to %q", w.Key)
	}
}
