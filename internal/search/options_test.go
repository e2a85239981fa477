package search_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"kvasir/internal/account"
	"kvasir/internal/memo"
	"kvasir/internal/retrieval"
	"kvasir/internal/search"
)

func tagged(tags ...string) func(*memo.Attributes) {
	return func(a *memo.Attributes) { a.Tags = tags }
}

func from(source string) func(*memo.Attributes) {
	return func(a *memo.Attributes) { a.Source = &source }
}

func sourceIs(t *testing.T, source string) memo.Filters {
	t.Helper()
	filters, err := memo.ParseFilters(json.RawMessage(fmt.Sprintf(
		`[{"field": "source", "operator": "eq", "value": %q, "filter_type": "native_field"}]`, source)))
	if err != nil {
		t.Fatal(err)
	}
	return filters
}

func TestAFilterLeavesTheOrderOfWhatPasses(t *testing.T) {
	t.Parallel()
	r := open(t, &models{name: "m"})
	texts := []string{
		"heron bird", "heron ship and other things", "a bird", "boats sail by", "heron heron heron", "sail, heron, bird",
		"the duck and the ship", "a heron of the northern lakes, seen at dawn",
	}
	for i, text := range texts {
		r.add(fmt.Sprint("M", i), text, from([]string{"even", "odd"}[i%2]))
	}
	for _, query := range []string{"heron", "bird by the ship", "sail", "heron bird duck"} {
		q := ask(query)
		all := r.titles(q)
		q.Filters = sourceIs(t, "even")
		want := slices.DeleteFunc(slices.Clone(all), func(title string) bool { return (title[1]-'0')%2 == 1 })
		if all[0] != want[0] {
			continue // what the best passage tells of the others is another's then
		}
		r.wants(q, want...)
	}
}

func TestTheOrderOfAddingDoesNotShow(t *testing.T) {
	t.Parallel()
	texts := []string{
		"heron bird", "heron ship and other things", "a bird", "boats sail by", "heron heron heron", "sail, heron, bird",
	}
	queries := []string{"heron", "bird by the ship", "sail", "heron bird duck"}
	var want []string
	for round := range uint64(3) {
		r := open(t, &models{name: "m"})
		for _, i := range rand.New(rand.NewPCG(5, round)).Perm(len(texts)) {
			r.add(fmt.Sprint("M", i), texts[i])
		}
		var got []string
		for _, query := range queries {
			got = append(got, strings.Join(r.titles(ask(query)), " "))
		}
		if want == nil {
			want = got
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("added in another order (-want +got):\n%s", diff)
		}
	}
}

const rules = "The workshop opens at 8 in the morning and closes at 6 in the evening; tools must be returned " +
	"to their cabinets before closing, and every visitor signs the register at the entrance."

func TestRepetitionsAreLeftOut(t *testing.T) {
	t.Parallel()
	r := open(t, &models{name: "m"})
	r.add("Rules", rules)
	r.add("Copy of the rules", strings.ReplaceAll(rules, "; ", ";\n\n"))
	r.add("New rules", strings.Replace(rules, "8", "9", 1))
	hours := "when does the workshop open?"
	r.wants(ask(hours), "Rules", "New rules")
	q := ask(hours)
	q.Limit = 2
	r.wants(q, "Rules", "New rules") // the place of what is left out is filled
	r.wants(ask(hours, func(o *retrieval.Options) { o.KeepDuplicates = true }), "Rules", "Copy of the rules", "New rules")

	short := open(t, &models{}) // what a short passage is about stands above it
	short.add("X100", "Weight: 12 kg")
	short.add("Z200", "Weight: 12 kg")
	short.wants(ask("weight kg"), "X100", "Z200")
	long := strings.Repeat("a title ", 20)
	short.add(long, "Height: 2 m")
	short.add(long+"(Errata)", "Height: 2 m")
	short.wants(ask("height"), long, long+"(Errata)")
}

func TestDiversityPrefersWhatIsUnlike(t *testing.T) {
	t.Parallel()
	r := open(t, &models{name: "m"})
	r.add("A", "The heron is a bird of the lakes.")
	r.add("B", "The heron, a bird, waits.")
	r.add("C", "A ship called heron sets its sail.")
	q := ask("heron bird")
	r.wants(q, "A", "B", "C")
	q.Diversity = 0.6
	r.wants(q, "A", "C", "B")
	q.Limit = 2
	r.wants(q, "A", "C")

	words := open(t, &models{}) // without vectors the words tell what is alike
	words.add("A", "heron heron by the water at dawn")
	words.add("B", "heron heron by the water at dusk")
	words.add("C", "a ship was called heron once")
	words.wants(ask("heron", func(o *retrieval.Options) { o.Diversity = 0.6 }), "A", "C", "B")
}

func TestTagsBoost(t *testing.T) {
	t.Parallel()
	r := open(t, &models{name: "m"})
	r.add("A", "The heron is a bird.")
	r.add("B", "A heron.", tagged("official", "lakes"))
	r.add("C", "Once a heron came, a bird, to the ship.", tagged("draft"))
	boosted := func(boosts map[string]float64) search.Query {
		return ask("heron bird", func(o *retrieval.Options) { o.TagBoosts = boosts })
	}
	r.wants(ask("heron bird"), "A", "C", "B")
	r.wants(boosted(map[string]float64{"official": 5}), "B", "A", "C")
	r.wants(boosted(map[string]float64{"official": 5, "lakes": 0.01}), "A", "C", "B")
	r.wants(boosted(map[string]float64{"draft": 10, "other": 10}), "C", "A", "B")
}

func TestRecencyPrefersNewMemos(t *testing.T) {
	t.Parallel()
	r := open(t, &models{name: "m"})
	r.made = time.Now().Add(-90 * 24 * time.Hour)
	r.add("Old", "The heron is a bird.")
	r.made = time.Now()
	r.add("New", "A heron is one of the birds.")
	r.wants(ask("heron bird"), "Old", "New")
	recent := retrieval.Recency{HalfLife: 30 * 24 * time.Hour, Weight: 1}
	r.wants(ask("heron bird", func(o *retrieval.Options) { o.Recency = recent }), "New", "Old")
	recent.Weight = 0
	r.wants(ask("heron bird", func(o *retrieval.Options) { o.Recency = recent }), "Old", "New")
}

func TestFusionByRanks(t *testing.T) {
	t.Parallel()
	r := open(t, &models{name: "m"})
	r.add("A", "A heron is a bird, a bird.") // by words B is better, by vectors A
	r.add("B", "heron heron ship")
	r.add("C", "Every sail is set.")
	r.wants(ask("heron", func(o *retrieval.Options) { o.Fusion = retrieval.FusionRRF }), "A", "B")
}

func TestAPassageWithoutAVectorIsTakenForATypicalOne(t *testing.T) {
	t.Parallel()
	r := open(t, &models{name: "m"})
	r.add("A", "A ship, and a heron on its mast.")
	r.models.name = ""
	r.add("B", "The heron, the bird, the heron.")
	r.models.name = "m"
	r.add("C", "Of the heron in general, or a bird.")
	r.wants(ask("heron bird"), "C", "B", "A") // to have none counts neither for nor against it
}

func TestAPlanIsFollowed(t *testing.T) {
	t.Parallel()
	m := &models{name: "m", plan: &search.Plan{}}
	r := open(t, m)
	r.add("A", "The heron waits by the water.", from("wiki"))
	r.add("B", "Every sail is set.", from("wiki"))
	r.add("C", "The mast is for a boat, of oak.", from("mail"))
	wanting := func(u retrieval.Understanding) search.Query {
		return ask("heron", func(o *retrieval.Options) { o.Understand = u; o.Explain = true })
	}
	r.wants(ask("heron"), "A")

	*m.plan = search.Plan{Queries: []string{"ship", "mast oak"}}
	r.wants(ask("heron"), "A") // nobody wants to be understood
	r.wants(wanting(retrieval.Understanding{MultiQuery: true}), "A", "C", "B")

	*m.plan = search.Plan{Answer: "A boat sails by."}
	r.wants(wanting(retrieval.Understanding{HyDE: true}), "A", "B", "C")
	if !slices.Contains(m.texts, "A boat sails by.") {
		t.Errorf("embedded were %q", m.texts)
	}

	q := wanting(retrieval.Understanding{Filters: true})
	q.Project, q.Limit = r.project, 10
	for source, want := range map[string]int{"wiki": 1, "nowhere": 0} {
		*m.plan = search.Plan{Filters: sourceIs(t, source), Notes: []string{"of " + source}}
		found, err := r.Search(t.Context(), q)
		if err != nil || len(found.Hits) != 1 || len(found.Inferred) != want {
			t.Errorf("inferred from %s: %d hits, filters %v, %v", source, len(found.Hits), found.Inferred, err)
		}
		if notes := fmt.Sprint(found.Explanation); !strings.Contains(notes, "of "+source) {
			t.Errorf("the explanation does not have the plan's notes: %s", notes)
		}
	}
	m.likes = "no plans"
	q.SkipRerank = true
	if found, err := r.Search(t.Context(), q); err != nil || len(found.Hits) != 1 {
		t.Errorf("without the planner: %v, %v", found.Hits, err)
	}
}

func TestAnExplanationTellsOfEveryStage(t *testing.T) {
	t.Parallel()
	r := open(t, &models{name: "m", likes: "nothing"})
	r.add("Rules", rules)
	r.add("Copy", rules)
	r.add("Heron", "A heron is no visitor of the workshop.")
	r.add("Bird", "A bird is a visitor, too.")
	q := ask("workshop visitor", func(o *retrieval.Options) {
		o.Explain, o.Diversity, o.MaxDistance = true, 0.1, new(0.9)
		o.TagBoosts = map[string]float64{"a": 2}
	})
	q.Project, q.Limit, q.Filters = r.project, 2, memo.Filters{{
		Type: memo.FilterNative, Field: "title", Operator: "neq", Values: []string{"Other"},
	}}
	found, err := r.Search(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	byName := map[string]retrieval.Stage{}
	for _, s := range found.Explanation.Stages {
		names = append(names, s.Name)
		byName[s.Name] = s
		for _, c := range s.Candidates {
			if c.Title == "" {
				t.Errorf("%s does not know the title of %s", s.Name, c.Chunk)
			}
		}
	}
	if got, want := strings.Join(names, " "), "filter lexical vector fuse boost dedup rerank diversify cut"; got != want {
		t.Fatalf("the stages are %s, want %s", got, want)
	}
	for stage, want := range map[string]string{
		"filter": "title neq Other", "lexical": "1.00 tokens a word", "vector": "distance 0.9",
		"fuse":  "weight of words 0.57",
		"boost": "1 tags", "rerank": "the fused order stands", "diversify": "diversity 0.1",
	} {
		if notes := strings.Join(byName[stage].Notes, "; "); !strings.Contains(notes, want) {
			t.Errorf("%s notes %q, want %q", stage, notes, want)
		}
	}
	if s := byName["lexical"]; s.Total != 4 || len(s.Candidates) != 4 || s.Candidates[0].Score <= s.Candidates[3].Score {
		t.Errorf("lexical: %+v", s)
	}
	s := byName["dedup"]
	if s.Total != 3 || len(s.Dropped) != 1 || !strings.HasPrefix(s.Dropped[0].Reason, "nearly repeats ") {
		t.Errorf("dedup: %+v", s)
	}
	s = byName["cut"]
	if len(s.Candidates) != 2 || s.Candidates[0].Chunk != found.Hits[0].ID || s.Candidates[0].Title == "" {
		t.Errorf("cut: %+v, hits %v", s, found.Hits)
	}
	q.Limit, q.Diversity, q.SkipRerank = 1, 0, true
	if found, err = r.Search(t.Context(), q); err != nil {
		t.Fatal(err)
	}
	for _, s := range found.Explanation.Stages {
		if s.Name == "dedup" && (len(s.Dropped) == 0 || !strings.HasPrefix(s.Dropped[0].Reason, "beyond the best")) {
			t.Errorf("dedup, one wanted: %+v", s)
		}
	}
	q.Explain = false
	if found, err = r.Search(t.Context(), q); err != nil || found.Explanation != nil {
		t.Errorf("not asked for: %v, %v", found.Explanation, err)
	}
}

// A counter counts the rows that are read.
type counter struct {
	store search.Passages
	rows  int
}

func (c *counter) Passages(ctx context.Context, p account.ProjectID, ids []memo.ChunkID) ([]memo.Passage, error) {
	c.rows += len(ids)
	return c.store.Passages(ctx, p, ids)
}

func TestNoMoreIsReadThanIsShown(t *testing.T) {
	t.Parallel()
	r := open(t, &models{name: "m"})
	for i := range 40 {
		r.add(fmt.Sprint("Memo ", i), fmt.Sprint("A heron, the bird number ", i))
	}
	reads := &counter{store: r.store}
	r.Service = r.service(reads)
	q := ask("heron")
	q.Limit = 10
	// The best passages by words, which show the language, are among the results here.
	if r.titles(q); reads.rows != 10 {
		t.Errorf("%d rows were read for 10 results", reads.rows)
	}
	q.Limit, reads.rows = 1, 0 // now the language is known
	if r.titles(q); reads.rows != 1 {
		t.Errorf("%d rows were read for 1 result", reads.rows)
	}
}
