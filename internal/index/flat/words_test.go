package flat_test

import (
	"fmt"
	"strings"
	"testing"

	"kvasir/internal/index/flat"
	"kvasir/internal/index/indextest"
	"kvasir/internal/memo"
)

// library is an index over memos of one text each, named a, b, c …
func library(texts ...string) (*indextest.Source, *flat.Index) {
	s := indextest.NewSource(nil)
	for i, text := range texts {
		s.Put(project, indextest.Memo(string(rune('a'+i)), text))
	}
	return s, flat.New(s, nil)
}

// order returns the memos found, best first.
func order(t *testing.T, ix *flat.Index, query string) string {
	t.Helper()
	var out strings.Builder
	for _, h := range found(t, ix, within(), query, 100) {
		out.WriteString(string(h.Memo))
	}
	return out.String()
}

func TestStopWordsCountWhenThereIsNothingElse(t *testing.T) {
	t.Parallel()
	_, ix := library(
		"To be, or not to be: that is the question.",
		"It is not the best of ideas to be late, or so they say to the guests.",
		"The IT team is at lunch.",
		"Ducks swim.",
	)
	for query, want := range map[string]string{
		"to be or not to be": "ab",
		"IT":                 "c",
		"the ducks":          "d",
		"is it the ducks":    "d",
	} {
		if got := order(t, ix, query); got != want {
			t.Errorf("%q finds %q, want %q", query, got, want)
		}
	}
}

func TestSlips(t *testing.T) {
	t.Parallel()
	_, ix := library(
		"Kubernetes runs containers", "the retrieval of herons", "a hero", "Утка плавает", "part AB123",
	)
	for query, want := range map[string]string{
		"kubernets":       "a",
		"kuberentes":      "a",
		"kubrnetse":       "a",
		"retreival":       "b",
		"heron":           "b", // what is there as written needs no guess
		"hxr":             "",  // too short
		"Уткка":           "d",
		"AB124":           "e", // by its letters; codes are not guessed
		"AC123x":          "",
		"something else":  "",
		"kubernets heron": "ba", // by the word that is right, and the other
	} {
		if got := order(t, ix, query); got != want {
			t.Errorf("%q finds %q, want %q", query, got, want)
		}
	}
}

// What is written right counts more than what is meant.
func TestASlipIsDiscounted(t *testing.T) {
	t.Parallel()
	_, ix := library("heron", "duck")
	right, wrong := found(t, ix, within(), "heron", 1)[0], found(t, ix, within(), "herom", 1)[0]
	if wrong.Score >= right.Score || wrong.Share >= right.Share/2 {
		t.Errorf("a slip scores %v, the word itself %v", wrong, right)
	}
}

// The words of memos that changed within one batch, or are gone, are still known
// or not known.
func TestSlipsFollowChanges(t *testing.T) {
	t.Parallel()
	s, ix := library("heron")
	s.Put(project, indextest.Memo("x", "kingfisher"), indextest.Memo("y", "kingfisher"))
	s.Put(project, indextest.Memo("x", "other"))
	if got := order(t, ix, "kingfischer"); got != "y" {
		t.Errorf("found %q, want y", got)
	}
	s.Put(project, memo.Change{Memo: "y", Deleted: true})
	if got := order(t, ix, "kingfischer"); got != "" {
		t.Errorf("found %q after all was deleted", got)
	}
	for i := range 200 { // segments are merged
		s.Put(project, indextest.Memo(fmt.Sprint("m", i), fmt.Sprintf("word%dx cormorant", i)))
		order(t, ix, "heron")
	}
	if got := found(t, ix, within(), "cormorrant", 1000); len(got) != 200 {
		t.Errorf("%d of 200 are found after merges", len(got))
	}
}

func TestFields(t *testing.T) {
	t.Parallel()
	s := indextest.NewSource(nil)
	text := "the heron and the duck swim where the reed is high"
	for _, id := range []memo.ID{"a", "b", "c"} {
		s.Put(project, memo.Change{Memo: id, Chunks: []memo.IndexedChunk{{ID: memo.ChunkID(id + "-0"), Text: text}}})
	}
	ix := flat.New(s, nil)
	if got := order(t, ix, "heron"); got != "abc" {
		t.Fatalf("equals stand as %q", got)
	}
	titled := memo.Change{Memo: "b", Chunks: []memo.IndexedChunk{{ID: "b-0", Heading: "Herons\n\n", Text: text}}}
	tagged := memo.Change{Memo: "c", Chunks: []memo.IndexedChunk{{ID: "c-0", Text: text}}}
	tagged.Tags = []string{"water birds", "swimming"}
	s.Put(project, titled, tagged)
	for query, want := range map[string]string{"heron": "bac", "bird": "c", "swim": "cab"} {
		if got := order(t, ix, query); got != want {
			t.Errorf("%q finds %q, want %q", query, got, want)
		}
	}
	tagged.Tags = nil
	s.Put(project, tagged)
	if got := order(t, ix, "bird"); got != "" {
		t.Errorf("a tag that is gone finds %q", got)
	}
}

func TestSingleCharacters(t *testing.T) {
	t.Parallel()
	_, ix := library("鸭子是鸟", "这是一条船", "飞鸟")
	for query, want := range map[string]string{"鸟": "ca", "鸭子": "a", "鸟飞": "ca"} {
		if got := order(t, ix, query); got != want {
			t.Errorf("%q finds %q, want %q", query, got, want)
		}
	}
}
