package memo_test

import (
	"strings"
	"testing"
	"time"

	"kvasir/internal/memo"
)

func TestStatusKnowsThreeWords(t *testing.T) {
	t.Parallel()
	want := map[memo.Stage]string{
		memo.StageReceived: "processing", memo.StageParsing: "processing", memo.StageChunking: "processing",
		memo.StageEmbedding: "processing", memo.StageProcessed: "processed", memo.StageError: "error",
	}
	for stage, status := range want {
		if got := stage.Status(); got != status {
			t.Errorf("%s.Status() = %q, want %q", stage, got, status)
		}
	}
}

func TestRetrievable(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	tests := []struct {
		name string
		a    memo.Attributes
		want bool
	}{
		{"plain", memo.Attributes{}, true},
		{"archived", memo.Attributes{Archived: true}, false},
		{"expires later", memo.Attributes{Expires: new(now.Add(time.Second))}, true},
		{"expires now", memo.Attributes{Expires: new(now)}, false},
	}
	for _, tt := range tests {
		if got := tt.a.Retrievable(now); got != tt.want {
			t.Errorf("%s: Retrievable = %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestPassageText(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		title    string
		headings []string
		want     string
	}{
		{"nothing but the content", "", nil, "body"},
		{"a title", "Ducks", nil, "Ducks\n\nbody"},
		{"title and path", "Ducks", []string{"Food", "Bread"}, "Ducks\nFood > Bread\n\nbody"},
		{"the title is the first heading", "Ducks", []string{"Ducks", "Food"}, "Ducks > Food\n\nbody"},
		{"the title is the only heading", "Ducks", []string{"Ducks"}, "Ducks\n\nbody"},
		{"a long title is cut", strings.Repeat("ü", 300), nil, strings.Repeat("ü", 120) + "\n\nbody"},
		{"no title", "", []string{"Food"}, "Food\n\nbody"},
	}
	for _, tt := range tests {
		if got := memo.PassageText(tt.title, &memo.Chunk{Headings: tt.headings, Content: "body"}); got != tt.want {
			t.Errorf("%s: PassageText = %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestUTF16Len(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]int{"": 0, "abc": 3, "über": 4, "鸭": 1, "🦆": 2, "a🦆b": 4} {
		if got := memo.UTF16Len(s); got != want {
			t.Errorf("UTF16Len(%q) = %d, want %d", s, got, want)
		}
	}
}

func TestAnIDTellsWhenItWasMade(t *testing.T) {
	t.Parallel()
	want := time.UnixMilli(0x0192f5a4b3c1)
	if got, ok := memo.ID("0192f5a4-b3c1-7000-8000-000000000000").Created(); !ok || !got.Equal(want) {
		t.Errorf("Created = %v, %v, want %v", got, ok, want)
	}
	for _, id := range []memo.ID{
		"", "m07", "0192f5a4-b3c1-4000-8000-000000000000", "0192f5ax-b3c1-7000-8000-000000000000",
	} {
		if got, ok := id.Created(); ok {
			t.Errorf("%s was made at %v, want no answer", id, got)
		}
	}
}
