package ground

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kvasir/internal/conversation"
	"kvasir/internal/llm"
	"kvasir/internal/memo"
)

const rules = `Travel is booked by the office in Uppsala. Employees may travel first class if the journey takes more than 4 hours. ` +
	`Hotels cost 180 euros a night at most; in Zurich the limit is 240 euros. Receipts are kept for 7 years. ` +
	`Helena Voss approves exceptions, and Tom Reed books them.`

const regeln = `Die Bibliothek öffnet um 9 Uhr und schließt um 19 Uhr. Bücher dürfen vier Wochen behalten werden, Filme nur zwei Tage. ` +
	`Frau Lindner leitet die Ausleihe. Hunde sind im Lesesaal nicht erlaubt.`

const guize = `图书馆早上九点开门，晚上七点关门。每位读者最多可以借十本书，期限为四周。馆长李华负责古籍部。`

func passage(title, text string) memo.Passage {
	return memo.Passage{Title: title, Chunk: memo.Chunk{ID: memo.ChunkID(title), Start: 1000, End: 1000 + len(text), Content: text}}
}

func flags(t *testing.T, question, answer string, passages ...memo.Passage) string {
	t.Helper()
	r := New().Check(t.Context(), Answer{Question: question, Text: answer, Passages: passages, Cites: true}, nil)
	var out []string
	for _, f := range r.Flags {
		if answer[f.Start:f.End] != f.Text {
			t.Errorf("a flag's range has %q, its text is %q", answer[f.Start:f.End], f.Text)
		}
		out = append(out, string(f.Reason))
	}
	return strings.Join(out, " ")
}

func TestClaims(t *testing.T) {
	t.Parallel()
	english, german, chinese := passage("Rules", rules), passage("Regeln", regeln), passage("规则", guize)
	other := passage("Ducks", "Ducks eat seeds, grass and insects. They sleep on ponds.")
	const fine, wrong, nothing, absent = "", "unsupported", "uncited", "no_passage"
	for _, c := range []struct {
		name, question, answer string
		passages               []memo.Passage
		want                   string
	}{
		{"verbatim", "", "Receipts are kept for 7 years. [[1]]", []memo.Passage{english}, fine},
		{"shorter", "", "First class is allowed when the journey takes more than 4 hours [[1]].", []memo.Passage{english}, fine},
		{"only the answer", "What is the limit in Zurich?", "240 euros [[1]].", []memo.Passage{english}, fine},
		{"the question again", "Who approves exceptions?", "The one who approves exceptions is Helena Voss [[1]].", []memo.Passage{english}, fine},
		{"two sentences in one", "", "Receipts are kept for 7 years and Helena Voss approves exceptions [[1]].", []memo.Passage{english}, fine},
		{"two passages", "", "Ducks eat seeds [[2]] and receipts are kept for 7 years [[1]].", []memo.Passage{english, other}, fine},
		{"in a list", "", "Limits:\n\n- 180 euros a night [[1]]\n- 240 euros in Zurich [[1]]\n", []memo.Passage{english}, fine},
		{"in a table", "", "| city | limit |\n|---|---|\n| Zurich | 240 euros [[1]] |\n", []memo.Passage{english}, fine},
		{"another number", "", "Receipts are kept for 10 years [[1]].", []memo.Passage{english}, wrong},
		{"the number of something else", "", "Receipts are kept for 240 years [[1]].", []memo.Passage{english}, wrong},
		{"another name", "", "Maria Berg approves exceptions [[1]].", []memo.Passage{english}, wrong},
		{"a negation more", "", "Employees may not travel first class if the journey takes more than 4 hours [[1]].",
			[]memo.Passage{english}, wrong},
		{"the wrong passage", "", "Ducks eat seeds, grass and insects [[1]].", []memo.Passage{english, other}, wrong},
		{"an invented detail", "", "Receipts are kept for 7 years in the archive of Hamburg [[1]].", []memo.Passage{english}, wrong},
		{"no passage", "", "Receipts are kept for 7 years [[7]].", []memo.Passage{english}, absent},
		{"uncited and right", "", "Receipts are kept for 7 years.", []memo.Passage{english}, fine},
		{"uncited and wrong", "", "Employees own 30 shares of the company.", []memo.Passage{english}, nothing},
		{"one of three", "", "Receipts are kept for 7 years [[1]]. Hotels cost 90 euros [[1]]. Travel is booked by the office [[1]].",
			[]memo.Passage{english}, wrong},
		{"no claims", "", "# Travel\n\nHere is what I found:\n\nShall I look further?\n", []memo.Passage{english}, fine},
		{"a refusal", "", "The memos do not say who pays for taxis.", []memo.Passage{english}, fine},
		{"code", "", "```go\nfmt.Println(42)\n```\n", []memo.Passage{english}, fine},
		{"German", "", "Filme dürfen nur zwei Tage behalten werden [[1]].", []memo.Passage{german}, fine},
		{"German, inflected", "Wer leitet die Ausleihe?", "Die Ausleihe wird von Frau Lindner geleitet [[1]].", []memo.Passage{german}, fine},
		{"German, only the answer", "Wer leitet die Ausleihe?", "Die Antwort lautet: Frau Lindner. [[1]]", []memo.Passage{german}, fine},
		{"German, another hour", "", "Die Bibliothek schließt um 17 Uhr [[1]].", []memo.Passage{german}, wrong},
		{"German, a thing for another", "", "Hunde sind im Keller nicht erlaubt [[1]].", []memo.Passage{german}, wrong},
		{"German, the opposite", "", "Hunde sind im Lesesaal erlaubt [[1]].", []memo.Passage{german}, wrong},
		{"Chinese", "", "每位读者最多可以借十本书[[1]]。", []memo.Passage{chinese}, fine},
		{"Chinese, only the answer", "谁负责古籍部？", "答案是李华[[1]]。", []memo.Passage{chinese}, fine},
		{"Chinese, another thing", "", "每位读者最多可以借十张光盘，期限为四周[[1]]。", []memo.Passage{chinese}, wrong},
		{"Chinese, another person", "", "馆长王明负责古籍部[[1]]。", []memo.Passage{chinese}, wrong},
		{"in another language", "", "Die Belege von allen Reisen werden nach der Regel 7 Jahre lang aufbewahrt [[1]].", []memo.Passage{english}, fine},
		{"in another language, another number", "", "Die Belege von allen Reisen werden nach der Regel 12000 Jahre lang aufbewahrt [[1]].",
			[]memo.Passage{english}, wrong},
		{"no passages", "", "Receipts are kept for 7 years [[1]].", nil, absent},
		{"no passages, nothing cited", "", "Receipts are kept for 7 years.", nil, nothing},
		{"nothing", "", "", []memo.Passage{english}, fine},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := flags(t, c.question, c.answer, c.passages...); got != c.want {
				t.Errorf("%q is flagged as %q, want %q", c.answer, got, c.want)
			}
		})
	}
}

func TestWhoIsNotToCiteIsFlaggedForWhatHeSays(t *testing.T) {
	t.Parallel()
	r := New().Check(t.Context(), Answer{Text: "Employees own 30 shares.", Passages: []memo.Passage{passage("Rules", rules)}}, nil)
	if len(r.Flags) != 1 || r.Flags[0].Reason != conversation.FlagUnsupported {
		t.Errorf("flags: %+v", r.Flags)
	}
}

func TestCitationsAreTheSentencesThatSaySo(t *testing.T) {
	t.Parallel()
	p := passage("Rules", rules)
	p.Page, p.Memo = 4, "m"
	for answer, want := range map[string]string{
		"240 euros [[1]]":                        "Hotels cost 180 euros a night at most; in Zurich the limit is 240 euros.",
		"Helena Voss approves exceptions. [[1]]": "Helena Voss approves exceptions, and Tom Reed books them.",
		"Receipts are kept for 7 years [[1]]. Helena Voss approves exceptions [[1]].": "Receipts are kept for 7 years. " +
			"Helena Voss approves exceptions, and Tom Reed books them.",
	} {
		r := New().Check(t.Context(), Answer{Text: answer, Passages: []memo.Passage{p}, Cites: true}, nil)
		if len(r.Citations) != 1 {
			t.Errorf("%q cites %+v", answer, r.Citations)
			continue
		}
		start := 1000 + strings.Index(rules, want)
		c := r.Citations[0]
		if c.Support < enough {
			t.Errorf("%q is borne out by %v", answer, c.Support)
		}
		c.Support = 0
		if diff := cmp.Diff(conversation.Citation{
			Number: 1, Memo: "m", MemoTitle: "Rules", Chunk: "Rules", Start: start, End: start + len(want), Text: want, Page: 4,
		}, c); diff != "" {
			t.Errorf("%q (-want +got):\n%s", answer, diff)
		}
	}
}

// A model of meanings knows that two texts say the same.
func TestVectorsTellWhatWordsLeaveOpen(t *testing.T) {
	t.Parallel()
	const answer = "Workers can go by premium seats when the trip lasts longer than 4 hours [[1]]."
	passages := []memo.Passage{passage("Rules", rules), passage("Ducks", "Ducks eat seeds.")}
	check := func(embed Embed) []conversation.Flag {
		return New().Check(t.Context(), Answer{Text: answer, Passages: passages, Cites: true}, embed).Flags
	}
	same := func(_ context.Context, texts []string) ([]llm.Vector, error) {
		out := make([]llm.Vector, len(texts))
		for i, text := range texts {
			out[i] = llm.Vector{1, 0}
			if strings.Contains(text, "Ducks") {
				out[i] = llm.Vector{0, 1}
			}
		}
		return out, nil
	}
	other := func(_ context.Context, texts []string) ([]llm.Vector, error) {
		out := make([]llm.Vector, len(texts))
		for i := range texts {
			out[i] = llm.Vector{0, 1}
		}
		out[0] = llm.Vector{1, 0}
		return out, nil
	}
	calls := 0
	failing := func(context.Context, []string) ([]llm.Vector, error) {
		calls++
		return nil, errors.New("down")
	}
	if got := check(same); len(got) != 0 {
		t.Errorf("flagged although it means the same: %+v", got)
	}
	for name, embed := range map[string]Embed{"another meaning": other, "failing": failing, "none": nil} {
		if got := check(embed); len(got) != 1 {
			t.Errorf("%s: flags %+v", name, got)
		}
	}
	if calls != 1 {
		t.Errorf("a model that fails was asked %d times", calls)
	}
}

func FuzzCheck(f *testing.F) {
	f.Add("What?", "Ducks eat 3 seeds [[1]]. - [[2]][[1]] **Bold** | row | [[999]]\n```\ncode\n", rules)
	f.Add("谁？", "答案是李华[[1]]。1. [[1]]", guize)
	f.Add("", "[[1]]\xff[[", "\xfe. a")
	f.Fuzz(func(t *testing.T, question, answer, text string) {
		p := passage("Title", text)
		r := New().Check(t.Context(), Answer{Question: question, Text: answer, Passages: []memo.Passage{p}, Cites: true}, nil)
		at := 0
		for _, flag := range r.Flags {
			if flag.Start < at || flag.End < flag.Start || flag.End > len(answer) || flag.Text != answer[flag.Start:flag.End] {
				t.Fatalf("flag %+v of %q", flag, answer)
			}
			at = flag.End
		}
		for _, c := range r.Citations {
			if c.Start < p.Start || c.End < c.Start || c.End > p.End || c.Text != text[c.Start-p.Start:c.End-p.Start] {
				t.Fatalf("citation %+v of %q", c, text)
			}
		}
	})
}

// Nothing is cited, and nothing fits: every claim is held against every passage.
func BenchmarkCheckUncited(b *testing.B) {
	var passages []memo.Passage
	var answer strings.Builder
	for i := range 25 {
		var text strings.Builder
		for k := range 200 {
			fmt.Fprintf(&text, "w%dx ", (i*k)%97)
			if k%12 == 11 {
				text.WriteString(". ")
			}
		}
		passages = append(passages, passage("Memo", text.String()))
	}
	for k := range 300 {
		fmt.Fprintf(&answer, "word%d ", k%50)
	}
	checker := New()
	for b.Loop() {
		checker.Check(b.Context(), Answer{Question: "w1x w2x", Text: answer.String(), Passages: passages}, nil)
	}
}

func BenchmarkCheck(b *testing.B) {
	var passages []memo.Passage
	for range 10 {
		passages = append(passages, passage("Rules", strings.Repeat(rules+" ", 3)))
	}
	answer := strings.Repeat("Receipts are kept for 7 years [[1]]. Hotels cost 90 euros [[2]]. Helena Voss approves exceptions.\n\n", 5)
	checker := New()
	for b.Loop() {
		checker.Check(b.Context(), Answer{Question: "How long are receipts kept?", Text: answer, Passages: passages, Cites: true}, nil)
	}
}
