package store

import (
	"crypto/sha256"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"kvasir/internal/llm"
	"kvasir/internal/memo"
)

func TestListPadsToFewLengths(t *testing.T) {
	t.Parallel()
	statements := map[string]bool{}
	values := make([]string, maxList)
	for n := 1; n <= maxList; n++ {
		values[n-1] = strings.Repeat("x", n)
		in, args := list([]any{"first"}, values[:n])
		statements[in] = true
		if !strings.HasPrefix(in, " ($2") || strings.Count(in, "$") != len(args)-1 {
			t.Fatalf("list of %d = %q with %d arguments", n, in, len(args))
		}
		if args[0] != "first" || args[n] != values[n-1] || args[len(args)-1] != values[n-1] {
			t.Fatalf("arguments of %d values: %v", n, args)
		}
	}
	if len(statements) != 5 {
		t.Errorf("%d different statements, want 5", len(statements))
	}
}

func TestListLeavesItsArgumentsAlone(t *testing.T) {
	t.Parallel()
	args := append(make([]any, 0, 8), "shared")
	_, a := list(args, []string{"a"})
	_, b := list(args, []string{"b"})
	if a[1] != "a" || b[1] != "b" {
		t.Errorf("two lists share their arguments: %v, %v", a, b)
	}
}

func TestSnippetCutsAtCharacters(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ in, want string }{
		{"", ""},
		{"short", "short"},
		{strings.Repeat("a", snippetLength), strings.Repeat("a", snippetLength)},
		{strings.Repeat("鸭", snippetLength+1), strings.Repeat("鸭", snippetLength)},
	} {
		if got := snippet(tt.in); got != tt.want {
			t.Errorf("snippet(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestVectorsSurviveEncoding(t *testing.T) {
	t.Parallel()
	for _, v := range []llm.Vector{nil, {0}, {1.5, -2.25, 3e-30}} {
		if got := decodeVector(encodeVector(v)); !slices.Equal(got, v) {
			t.Errorf("decodeVector(encodeVector(%v)) = %v", v, got)
		}
	}
	if got := encodeVector(llm.Vector{1}); !slices.Equal(got, []byte{0, 0, 0x80, 0x3f}) {
		t.Errorf("encodeVector(1) = %v, want little-endian float32", got)
	}
}

func TestWithoutNamesEachFileOnce(t *testing.T) {
	t.Parallel()
	got := without([]*string{new("a"), nil, new("b"), new("a"), new("kept")}, []*string{new("kept"), nil})
	if !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("without = %v, want a and b", got)
	}
}

func TestTagIDsAreStable(t *testing.T) {
	t.Parallel()
	const id = "0197a1f2-2f57-7c3e-9d51-6b0f7a1c2d3e"
	a, b := tagIDs(id, []string{"x", "y", "x"}), tagIDs(id, []string{"y", "x"})
	if a[0] != b[1] || a[1] != b[0] || a[0] == a[2] || a[0] == a[1] {
		t.Errorf("tag ids %v and %v", a, b)
	}
	if other := tagIDs("0197a1f2-2f57-7c3e-9d51-6b0f7a1c2d3f", []string{"x"}); other[0] == a[0] {
		t.Error("two memos share the id of a tag")
	}
}

func TestTagsAreTakenApartAgain(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ client, auto, all, added []string }{
		{nil, nil, nil, nil},
		{[]string{"a", "a"}, nil, []string{"a", "a"}, nil},
		{nil, []string{"a", "b", "a"}, []string{"a", "b"}, []string{"a", "b"}},
		{[]string{"a", "b"}, []string{"b", "c"}, []string{"a", "b", "c"}, []string{"c"}},
	} {
		all, added := tagsOf(tt.client, tt.auto)
		if !slices.Equal(all, tt.all) || !slices.Equal(added, tt.added) {
			t.Errorf("tagsOf(%v, %v) = %v, %v", tt.client, tt.auto, all, added)
		}
		c := columnsOf(&memo.Attributes{Tags: all}, added)
		if c.tags != stringsJSON(tt.client) || c.autoTags != stringsJSON(tt.added) {
			t.Errorf("%v and %v are stored as %s and %s", tt.client, tt.auto, c.tags, c.autoTags)
		}
	}
}

func TestHashesAreThoseOfTheWhole(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, pieceBytes, 3*pieceBytes + 1} {
		s := strings.Repeat("x", n)
		if want := fmt.Sprintf("%x", sha256.Sum256([]byte(s))); hashOf(s) != want {
			t.Errorf("the hash of %d bytes is %s, want %s", n, hashOf(s), want)
		}
	}
}

func TestWantedIsWhatWasAskedForEver(t *testing.T) {
	t.Parallel()
	d := details{project: memo.Processing{ChunkWords: 90, Enrich: []memo.Aspect{memo.AspectTags}}}
	d.added = []memo.Aspect{memo.AspectTags, memo.AspectSummary}
	want := memo.Processing{ChunkWords: 90, Enrich: []memo.Aspect{memo.AspectTags, memo.AspectSummary}}
	if got := d.wanted(); !reflect.DeepEqual(got, want) || len(d.project.Enrich) != 1 {
		t.Errorf("wanted = %+v of %+v, want %+v", got, d, want)
	}
}
