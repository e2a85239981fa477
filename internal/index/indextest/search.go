package indextest

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"time"

	"kvasir/internal/llm"
	"kvasir/internal/memo"
)

func rare(s *suite) {
	for i := range 50 {
		s.put(Memo(fmt.Sprintf("common%02d", i), "The ordinary text about ordinary things."))
	}
	s.put(Memo("rare", "A text about xylophones."))
	s.want("rare word", s.words(within(), "ordinary xylophone")[:1], "rare-0")
}

// mixed tells the share where a query is read in several languages.
func mixed(s *suite) {
	german := "Die Regierungen haben in den Verhandlungen mit den Gewerkschaften lange über die Löhne gesprochen."
	share := func(in memo.Selection) float64 {
		hits, err := s.ix.Lexical(s.Context(), in, "Wie lange haben die Regierungen mit den Gewerkschaften verhandelt?", 1)
		if err != nil || len(hits) != 1 {
			s.Fatalf("found %v, %v", hits, err)
		}
		return hits[0].Share
	}
	s.put(Memo("wanted", german))
	for i := range 20 {
		s.put(Memo(fmt.Sprintf("g%02d", i), "Das Spiel war nicht das beste, und die Zuschauer haben es gesehen."))
	}
	alone := share(within())
	for i := range 20 {
		s.put(Memo(fmt.Sprintf("e%02d", i), "The game was not the best, and it was seen by the spectators."))
	}
	if got := share(within()); got < 0.9*alone {
		s.Errorf("memos in another language take the share from %v to %v", alone, got)
	}
}

// shares tells how much of the query a hit answers, whatever it is compared with.
func shares(s *suite) {
	wanted := Memo("a", "heron duck")
	wanted.Metadata = json.RawMessage(`{"kind": "signal"}`)
	s.put(wanted, Memo("b", "heron heron heron"), Memo("c", "ordinary things"))
	share := func(in memo.Selection, query string) float64 {
		hits, err := s.ix.Lexical(s.Context(), in, query, 10)
		if err != nil || len(hits) == 0 {
			s.Fatalf("%s: %v, %v", query, hits, err)
		}
		for _, h := range hits {
			if h.Share <= 0 || h.Share >= 1 {
				s.Errorf("%s: the share of %s is %v", query, h.Chunk, h.Share)
			}
		}
		i := slices.IndexFunc(hits, func(h memo.Hit) bool { return h.Chunk == "a-0" })
		return hits[i].Share
	}
	whole, half := share(within(), "heron duck"), share(within(), "heron duck xylophone")
	if half >= whole {
		s.Errorf("a word that no chunk has takes the share from %v to %v", whole, half)
	}
	if got := share(within(metadata("eq", "signal")), "heron duck"); got != whole {
		s.Errorf("a filter takes the share from %v to %v", whole, got)
	}
}

func repeated(s *suite) {
	s.put(Memo("a", "heron one two"), Memo("b", "ducks one two"), Memo("c", "three"))
	s.want("heron twice", s.words(within(), "duck heron herons"), "a-0", "b-0")
	s.want("duck twice", s.words(within(), "duck heron ducks"), "b-0", "a-0")
}

func projects(s *suite) {
	s.put(Memo("a", "The heron waits.", "A text without the bird."))
	alone, err := s.ix.Lexical(s.Context(), within(), "heron", 10)
	if err != nil {
		s.Fatal(err)
	}
	for i := range 20 {
		s.source.Put("other", Memo(fmt.Sprint("x", i), "heron heron heron"))
	}
	other := memo.Selection{Project: "other", Now: time.Now()}
	if got := s.words(other, "heron"); len(got) != 10 {
		s.Errorf("the other project found %v", got)
	}
	again, err := s.ix.Lexical(s.Context(), within(), "heron", 10)
	if err != nil || len(again) != 1 || again[0] != alone[0] {
		s.Errorf("another tenant's memos changed the hit from %v to %v, %v", alone, again, err)
	}
	s.want("nearest", s.near(within(), "the heron waits"), "a-0", "a-1")
	s.want("a project that has nothing", s.words(memo.Selection{Project: "none", Now: time.Now()}, "heron"))
}

func metadata(operator, value string) memo.Filter {
	return memo.Filter{Type: memo.FilterMetadata, Field: "kind", Operator: operator, Values: []string{value}}
}

func filters(s *suite) {
	for i := range 30 {
		c := Memo(fmt.Sprintf("noise%02d", i), "heron heron heron")
		c.Metadata = json.RawMessage(`{"kind": "noise"}`)
		s.put(c)
	}
	c := Memo("wanted", "One heron among many other words of this text.")
	c.Metadata = json.RawMessage(`{"kind": "signal"}`)
	s.put(c)
	for range 2 { // the second time may be answered from memory
		s.want("by words", s.words(within(metadata("eq", "signal")), "heron"), "wanted-0")
		s.want("nearest", s.near(within(metadata("eq", "signal")), "heron"), "wanted-0")
		s.want("both filters", s.words(within(metadata("eq", "signal"), metadata("eq", "noise")), "heron"))
		if got := s.words(within(metadata("neq", "signal")), "heron"); len(got) != 10 {
			s.Errorf("the others: %v", got)
		}
	}
	// Attributes act at once: the memo comes again with other metadata.
	c.Metadata = json.RawMessage(`{"kind": "noise"}`)
	s.put(c)
	s.want("after a change of metadata", s.words(within(metadata("eq", "signal")), "heron"))
	filtered, err := s.ix.Lexical(s.Context(), within(metadata("eq", "noise")), "heron", 1)
	all, err2 := s.ix.Lexical(s.Context(), within(), "heron", 1)
	if err != nil || err2 != nil || filtered[0] != all[0] {
		s.Errorf("a filter changed the hit from %v to %v", all, filtered)
	}
}

func expiry(s *suite) {
	now := time.Now()
	soon := Memo("soon", "heron")
	soon.Expires = new(now.Add(time.Hour))
	gone := Memo("gone", "heron")
	gone.Archived = true
	s.put(soon, gone, Memo("stays", "the heron stays"))
	s.want("before the expiry", s.words(within(), "heron"), "soon-0", "stays-0")
	later := within()
	later.Now = now.Add(time.Hour)
	s.want("at the expiry", s.words(later, "heron"), "stays-0")
	s.want("nearest at the expiry", s.near(later, "heron"), "stays-0")
	titles, err := s.ix.Titles(s.Context(), later, "title", true, 10)
	s.want("titles at the expiry", s.chunks(titles, err), "stays-0")
	s.want("before the expiry again", s.words(within(), "heron"), "soon-0", "stays-0")
	gone.Archived = false
	s.put(gone)
	s.want("brought back", s.words(later, "heron"), "gone-0", "stays-0")
}

func models(s *suite) {
	c := Memo("a", "heron", "duck", "ship")
	c.Chunks[2].Vector = llm.Vector{1, 2}                                   // damaged
	c.Chunks = append(c.Chunks, memo.IndexedChunk{ID: "a-3", Text: "1234"}) // no letters: no direction
	s.put(c)
	s.want("nearest", s.near(within(), "heron"), "a-0", "a-1")
	s.want("by words", s.words(within(), "1234 ship"), "a-2", "a-3")
	for _, q := range []struct {
		model  string
		vector llm.Vector
	}{
		{otherModel, Letters(otherModel, "heron")},
		{otherModel, Letters(model, "heron")},
		{model, Letters(otherModel, "heron")},
		{model, llm.Vector{}},
		{model, make(llm.Vector, 26)},
	} {
		if hits, err := s.ix.Nearest(s.Context(), within(), q.model, q.vector, 10, 2); err != nil || len(hits) != 0 {
			s.Errorf("model %s with %d dimensions found %v, %v", q.model, len(q.vector), hits, err)
		}
	}
	s.put(Memo("a", "heron", "duck", "ship"))
	if got := s.near(within(), "ship"); len(got) != 3 || got[0] != "a-2" {
		s.Errorf("after the vectors came: %v", got)
	}
	switched := s.open(s.T, s.source, otherModel)
	hits, err := switched.Nearest(s.Context(), within(), otherModel, Letters(otherModel, "duck"), 1, 2)
	s.want("after a switch of model", s.chunks(hits, err), "a-1")
}

func distance(s *suite) {
	s.put(Memo("a", "aaaa", "ab", "zzzz"))
	for distance, n := range map[float64]int{0.01: 1, 0.5: 2, 1: 3} {
		hits, err := s.ix.Nearest(s.Context(), within(), model, Letters(model, "aa"), 10, distance)
		if err != nil || len(hits) != n {
			s.Errorf("within %v: %v, %v, want %d", distance, hits, err, n)
		}
	}
	hits, err := s.ix.Nearest(s.Context(), within(), model, Letters(model, "ab"), 2, 2)
	if err != nil || len(hits) != 2 || hits[0].Score < 0.9999 || hits[0].Score > 1.0001 || hits[1].Score > 0.708 ||
		hits[1].Score < 0.706 {
		s.Errorf("the scores of %v are not the cosines 1 and 0.7071", hits)
	}
}

func lookups(s *suite) {
	for i := range 26 { // several segments
		s.put(Memo(fmt.Sprintf("m%02d", i), "heron "+string(rune('a'+i)), "1234"))
		s.words(within(), "heron")
	}
	tagged := Memo("m07", "duck")
	tagged.Tags = []string{"water"}
	s.put(tagged, memo.Change{Memo: "m08", Deleted: true})
	hits := []memo.Hit{
		{Chunk: "m07-0", Memo: "m07"}, {Chunk: "m25-0", Memo: "m25"}, {Chunk: "m25-1", Memo: "m25"},
		{Chunk: "m08-0", Memo: "m08"}, {Chunk: "m07-9", Memo: "m07"},
	}
	vectors, err := s.ix.Vectors(s.Context(), within(), model, hits)
	if err != nil || len(vectors) != len(hits) || vectors[2] != nil || vectors[3] != nil || vectors[4] != nil {
		s.Fatalf("vectors: %v, %v; want those of two chunks", vectors, err)
	}
	for i, text := range []string{"duck", "heron z"} {
		near, err := s.ix.Nearest(s.Context(), within(), model, vectors[i], 1, 0.01)
		if err != nil || len(near) != 1 || near[0].Chunk != hits[i].Chunk || near[0].Score < 0.9999 {
			s.Errorf("nearest to the vector of %q: %v, %v", text, near, err)
		}
	}
	if other, err := s.ix.Vectors(s.Context(), within(), otherModel, hits[:1]); err != nil || other[0] != nil {
		s.Errorf("a vector of another model: %v, %v", other, err)
	}
	attributes, err := s.ix.Attributes(s.Context(), within(), hits)
	if err != nil || len(attributes) != len(hits) || attributes[3] != nil {
		s.Fatalf("attributes: %v, %v", attributes, err)
	}
	if got := attributes[0].Tags; len(got) != 1 || got[0] != "water" || attributes[1].Title != "Title of m25" {
		s.Errorf("attributes: %+v, %+v", attributes[0], attributes[1])
	}
}

func typical(s *suite) {
	length := 0.0
	want := func(direction ...float64) {
		s.Helper()
		got, err := s.ix.Typical(s.Context(), within(metadata("eq", "nothing")), model)
		if err != nil || len(got) < len(direction) || len(direction) == 0 && got != nil {
			s.Fatalf("typical is %v, %v, want %v", got, err, direction)
		}
		length = 0
		for _, x := range got {
			length += float64(x)
		}
		for i, x := range direction {
			if math.Abs(float64(got[i])/length-x) > 0.05 {
				s.Errorf("typical is %v, want %v", got, direction)
			}
		}
	}
	want()
	s.put(Memo("a", "aaaa", "1234"), Memo("b", "bb"))
	want(0.5, 0.5, 0)
	want(0.5, 0.5, 0) // from memory
	s.put(Memo("c", "cc", "c"), memo.Change{Memo: "b", Deleted: true})
	want(0.333, 0, 0.667)
	if other, err := s.ix.Typical(s.Context(), within(), otherModel); err != nil || other != nil {
		s.Errorf("typical of another model: %v, %v", other, err)
	}
	many := make([]memo.Change, 700)
	for i := range many {
		many[i] = Memo(fmt.Sprintf("m%03d", i), string(rune('a'+i%2)))
	}
	s.put(many...)
	if few := length; few <= 0 || few > 0.5 {
		s.Errorf("three vectors tell %v of what is typical", few)
	}
	want(0.5, 0.5)
	if length < 0.9 || length > 1.01 {
		s.Errorf("many vectors tell %v of what is typical", length)
	}
}

func titles(s *suite) {
	for i, title := range []string{"Heron facts", "On HERONS", "Ships", "heron without chunks"} {
		c := Memo(fmt.Sprint("memo", i), "text", "more")
		if c.Title = title; i == 3 {
			c.Chunks = nil
		}
		s.put(c)
	}
	find := func(text string, prefix bool, limit int) []string {
		hits, err := s.ix.Titles(s.Context(), within(), text, prefix, limit)
		return s.chunks(hits, err)
	}
	s.want("contains", find("heron", false, 10), "memo1-0", "memo0-0")
	s.want("begins with", find("HERON", true, 10), "memo0-0")
	s.want("cut", find("heron", false, 1), "memo1-0")
	s.want("none", find("swan", false, 10))
}

func limits(s *suite) {
	for i := range 30 {
		s.put(Memo(fmt.Sprintf("m%02d", i), "heron", "heron and duck"))
	}
	for _, limit := range []int{-1, 0, 1, 7, 60, 1000} {
		words, err := s.ix.Lexical(s.Context(), within(), "heron", limit)
		near, err2 := s.ix.Nearest(s.Context(), within(), model, Letters(model, "heron"), limit, 2)
		titles, err3 := s.ix.Titles(s.Context(), within(), "title", false, limit)
		if err != nil || err2 != nil || err3 != nil {
			s.Fatal(err, err2, err3)
		}
		want := max(0, min(limit, 60))
		if len(words) != want || len(near) != want || len(titles) != min(want, 30) {
			s.Errorf("limit %d: %d by words, %d near, %d titles", limit, len(words), len(near), len(titles))
		}
	}
	s.want("nothing to look for", s.words(within(), "?! --"))
	s.want("unknown words", s.words(within(), "xylophone"))
}

func languages(s *suite) {
	for i := range 5 {
		s.put(Memo(fmt.Sprint("en", i), "The growing of cells is what this is about, and it was done."))
		s.put(Memo(fmt.Sprint("de", i), "Die Häuser und die Gärten sind nicht so groß wie das Schloss."))
	}
	if got := s.words(within(), "haus"); len(got) != 5 || got[0] != "de0-0" {
		s.Errorf("a German word found %v", got)
	}
	if got := s.words(within(), "grows"); len(got) != 5 || got[0] != "en0-0" {
		s.Errorf("an English word found %v", got)
	}
}
