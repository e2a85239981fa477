package indextest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"kvasir/internal/memo"
)

func follows(s *suite) {
	s.want("an empty project", s.words(within(), "heron"))
	s.put(Memo("a", "The heron waits.", "A duck dives."))
	s.put(Memo("b", "Herons and more herons."))
	s.want("two memos", s.words(within(), "heron"), "b-0", "a-0")
	s.want("nearest", s.near(within(), "a duck dives")[:1], "a-1")
	s.put(Memo("b", "Ships."))
	s.want("after an edit", s.words(within(), "heron"), "a-0")
	s.want("the new text", s.words(within(), "ship"), "b-0")
	s.put(memo.Change{Memo: "a", Deleted: true})
	s.want("after a delete", s.words(within(), "heron duck"))
	s.want("nearest after a delete", s.near(within(), "a duck dives"), "b-0")
	calls := s.source.Calls()
	s.want("nothing new", s.words(within(), "ship"), "b-0")
	if s.source.Calls() != calls {
		s.Error("changes were pulled although there are none")
	}
	s.put(Memo("a", "The heron is back."), memo.Change{Memo: "never", Deleted: true})
	s.want("after it came again", s.words(within(), "heron"), "a-0")
}

func pages(s *suite) {
	var changes []memo.Change
	for i := range 1500 {
		changes = append(changes, Memo(fmt.Sprintf("m%04d", i), fmt.Sprintf("heron number%dx", i), "more text"))
	}
	s.put(changes...)
	for _, i := range []int{0, 255, 256, 777, 1499} {
		s.want("one of many", s.words(within(), fmt.Sprintf("number%dx", i)), fmt.Sprintf("m%04d-0", i))
	}
	for i := range changes {
		changes[i].Chunks = changes[i].Chunks[:1]
		changes[i].Deleted = i%2 == 0
	}
	s.put(changes...)
	s.want("after all changed", s.words(within(), "number7x"), "m0007-0")
	s.want("after it was deleted", s.words(within(), "number8x"))
	s.want("the chunk that went", s.words(within(), "more"))
}

// ties checks that equals stand in the order in which their memos changed last, however
// they came in.
func ties(s *suite) {
	for _, id := range []string{"c", "a", "d", "b"} {
		s.put(Memo(id, "heron", "heron"))
		s.words(within(), "heron")
	}
	s.put(Memo("a", "heron", "heron"))
	want := []string{"c-0", "c-1", "d-0", "d-1", "b-0", "b-1", "a-0", "a-1"}
	s.want("by words", s.words(within(), "heron"), want...)
	s.want("nearest", s.near(within(), "heron"), want...)
	hits, err := s.ix.Lexical(s.Context(), within(), "heron", 3)
	s.want("cut", s.chunks(hits, err), want[:3]...)
	hits, err = s.ix.Nearest(s.Context(), within(), model, Letters(model, "heron"), 3, 2)
	s.want("nearest, cut", s.chunks(hits, err), want[:3]...)
}

// history makes a project by many small changes and holds it against one that
// is read at once.
func history(s *suite) {
	r := rand.New(rand.NewPCG(1, 2))
	vocabulary := strings.Fields("heron duck ship sail reed mud bread water boat harbour rope wind feather beak egg nest")
	text := func() string {
		var words []string
		for range 1 + r.IntN(12) {
			words = append(words, vocabulary[min(r.IntN(16), r.IntN(16))])
		}
		return strings.Join(words, " ")
	}
	for step := range 600 {
		id := fmt.Sprintf("m%02d", r.IntN(80))
		switch r.IntN(6) {
		case 0:
			s.put(memo.Change{Memo: memo.ID(id), Deleted: true})
		default:
			var texts []string
			for range r.IntN(5) {
				texts = append(texts, text())
			}
			s.put(Memo(id, texts...))
		}
		if step%3 == 0 {
			s.words(within(), "heron")
		}
	}
	atOnce := s.open(s.T, s.source, model)
	for range 30 {
		q := text()
		got, err := s.ix.Lexical(s.Context(), within(), q, 20)
		want, err2 := atOnce.Lexical(s.Context(), within(), q, 20)
		s.same(q+" by words", got, err, want, err2)
		got, err = s.ix.Nearest(s.Context(), within(), model, Letters(model, q), 20, 2)
		want, err2 = atOnce.Nearest(s.Context(), within(), model, Letters(model, q), 20, 2)
		s.same(q+" nearest", got, err, want, err2)
	}
}

// same compares what an index found that has followed with what one found that
// has read everything at once.
func (s *suite) same(what string, got []memo.Hit, err error, want []memo.Hit, err2 error) {
	s.Helper()
	if err != nil || err2 != nil || !slices.Equal(got, want) {
		s.Fatalf("%s: followed, the index found %v, %v; read at once, %v, %v", what, got, err, want, err2)
	}
}

func together(s *suite) {
	var g errgroup.Group
	for w := range 4 {
		g.Go(func() error {
			for i := range 200 {
				needle := fmt.Sprintf("needle%dx%d", w, i)
				s.put(Memo(fmt.Sprint("memo", w, "i", i%20), "heron "+needle))
				hits, err := s.ix.Lexical(s.Context(), within(), needle, 5)
				if err != nil || len(hits) != 1 {
					return fmt.Errorf("own change is not found: %v, %w", hits, err)
				}
				if _, err := s.ix.Nearest(s.Context(), within(), model, Letters(model, "heron"), 5, 2); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		s.Error(err)
	}
}

func cancelled(s *suite) {
	var changes []memo.Change
	for i := range 600 {
		changes = append(changes, Memo(fmt.Sprint("m", i), "heron"))
	}
	s.put(changes...)
	ctx, cancel := context.WithCancel(s.Context())
	cancel()
	if hits, err := s.ix.Lexical(ctx, within(), "heron", 10); err == nil {
		s.Errorf("a cancelled search found %v", hits)
	}
	hits, err := s.ix.Lexical(s.Context(), within(), "heron", 1000)
	if got := s.chunks(hits, err); len(got) != 600 || !slices.Contains(got, "m599-0") {
		s.Errorf("after a cancelled search %d are found", len(got))
	}
}
