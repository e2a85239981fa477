package api

import (
	"bufio"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kvasir/internal/chat"
	"kvasir/internal/conversation"
	"kvasir/internal/memo"
	"kvasir/internal/retrieval"
)

// toldEverything is an answer with all that there is to tell.
func toldEverything() []chat.Event {
	found := explained()
	return []chat.Event{
		{Step: &conversation.Step{Number: 1, Tool: "search", Input: "first class", Result: "3 passages"}},
		{Token: "From four hours on [[1]]. Always."},
		{Citations: []conversation.Citation{{
			Number: 1, Memo: "m", MemoTitle: "T", Chunk: "k", Start: 2, End: 9, Text: "4 h \"on\"", Page: 7, Support: 0.98765,
		}}},
		{Flags: []conversation.Flag{
			{Start: 26, End: 33, Text: "Always.", Reason: conversation.FlagUncited},
			{Start: 0, End: 25, Text: "From…", Reason: conversation.FlagUnsupported, Numbers: []int{1}},
		}},
		{References: []conversation.Reference{{Number: 1, Memo: "m", MemoTitle: "T"}}},
		{Explained: &chat.Explained{Question: "when?", Inferred: found.Inferred, Explanation: found.Explanation}},
		done(),
	}
}

const (
	toldCitation = `{"number":1,"memo_uuid":"m","memo_title":"T","chunk_uuid":"k","start":2,"end":9,` +
		`"quote":"4 h \"on\"","page":7,"support":0.988}`
	toldFlags = `[{"start":26,"end":33,"text":"Always.","reason":"uncited","numbers":[]},` +
		`{"start":0,"end":25,"text":"From…","reason":"unsupported","numbers":[1]}]`
	toldStep = `{"number":1,"tool":"search","input":"first class","result":"3 passages"}`
)

func TestAWholeAnswerTellsEverything(t *testing.T) {
	t.Parallel()
	status, got := post(t, answering(t, toldEverything()...)+"/api/v1/chat", `{"query":"q"}`)
	want := `{"ok":true,"chat_id":"c1","response":"From four hours on [[1]]. Always.","intermediate_steps":[],` +
		`"references":{"1":{"memo_uuid":"m","memo_title":"T"}},"citations":[` + toldCitation + `],"flags":` + toldFlags +
		`,"steps":[` + toldStep + `],` + explainedFilters + `,"explanation":{"question":"when?",` + explainedStages + "}}\n"
	if status != 200 || got != want {
		t.Errorf("%d, -want +got:\n%s", status, cmp.Diff(want, got))
	}
}

func TestAWholeAnswerThatHasNothingMoreToTellIsAsEver(t *testing.T) {
	t.Parallel()
	_, got := post(t, answering(t, chat.Event{Token: "a"}, chat.Event{Citations: []conversation.Citation{{Number: 1}}},
		chat.Event{Explained: &chat.Explained{Question: "q"}}, done())+"/api/v1/chat", `{"query":"q"}`)
	want := `{"ok":true,"chat_id":"c1","response":"a","intermediate_steps":[],"citations":[{"number":1,"memo_uuid":"",` +
		`"memo_title":"","chunk_uuid":"","start":0,"end":0}]}` + "\n"
	if got != want {
		t.Errorf("-want +got:\n%s", cmp.Diff(want, got))
	}
}

func TestAStreamTellsEverythingInOrder(t *testing.T) {
	t.Parallel()
	_, got := post(t, answering(t, toldEverything()...)+"/api/v1/chat", `{"query":"q","stream":true}`)
	ascii := func(text string) string { return strings.ReplaceAll(text, "…", `\u2026`) }
	inside := func(json string) string { return ascii(strings.Trim(fmt.Sprintf("%q", json), `"`)) }
	want := ": ping\n\n" + strings.Join([]string{
		`{"type":"step","step":` + toldStep + `}`,
		`{"type":"token","content":"From four hours on [[1]]. Always."}`,
		`{"type":"citations","content":"[` + inside(toldCitation) + `]","citations":[` + toldCitation + `]}`,
		`{"type":"flags","content":"` + inside(toldFlags) + `","flags":` + ascii(toldFlags) + `}`,
		`{"type":"references","content":"{\"1\":{\"memo_uuid\":\"m\",\"memo_title\":\"T\"}}",` +
			`"references":{"1":{"memo_uuid":"m","memo_title":"T"}}}`,
		`{"type":"explanation",` + explainedFilters + `,"explanation":{"question":"when?","stages":[]}}`,
		`{"type":"explanation","explanation":{` + explainedStages + `}}`,
		`{"type":"done","chat_id":"c1"}`,
	}, "\n\ndata: ") + "\n\n"
	want = strings.Replace(want, "{", "data: {", 1)
	if got != want {
		t.Errorf("-want +got:\n%s", cmp.Diff(strings.Split(want, "\n"), strings.Split(got, "\n")))
	}
}

func TestAStreamThatHasNothingMoreToTellIsAsEver(t *testing.T) {
	t.Parallel()
	_, got := post(t, answering(t, chat.Event{Token: "a"}, chat.Event{Explained: &chat.Explained{Question: "q"}},
		chat.Event{Flags: []conversation.Flag{}}, done())+"/api/v1/chat", `{"query":"q","stream":true}`)
	want := ": ping\n\ndata: {\"type\":\"token\",\"content\":\"a\"}\n\ndata: {\"type\":\"done\",\"chat_id\":\"c1\"}\n\n"
	if got != want {
		t.Errorf("-want +got:\n%s", cmp.Diff(want, got))
	}
}

// streamed returns the events of an answer, whose lines a client of 64 KiB can read.
func streamed(t *testing.T, events ...chat.Event) map[string][]chatEvent {
	t.Helper()
	_, got := post(t, answering(t, append(events, done())...)+"/api/v1/chat", `{"query":"q","stream":true}`)
	byType := map[string][]chatEvent{}
	lines := bufio.NewScanner(strings.NewReader(got)) // its limit of 64 KiB is that of the Go client
	for lines.Scan() {
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		if !ok {
			continue
		}
		var e chatEvent
		if err := json.Unmarshal([]byte(data), &e); err != nil {
			t.Fatal(err)
		}
		byType[e.Type] = append(byType[e.Type], e)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return byType
}

func TestNoLineOfTextsAndSourcesIsTooLong(t *testing.T) {
	t.Parallel()
	title := strings.Repeat("龍", 255)
	var references []conversation.Reference
	var citations []conversation.Citation
	for i := range 100 {
		references = append(references, conversation.Reference{Number: i + 1, Memo: "m", MemoTitle: title})
	}
	for i := range 100 {
		citations = append(citations, conversation.Citation{
			Number: i, MemoTitle: title, Text: strings.Repeat("\x01\"\\🦓", 300),
		})
	}
	token := strings.Repeat("🦓", 30000)
	got := streamed(t, chat.Event{Token: token}, chat.Event{Citations: citations}, chat.Event{References: references})

	var text strings.Builder
	for _, e := range got["token"] {
		text.WriteString(e.Content)
	}
	seen := 0
	for _, e := range got["citations"] {
		for _, c := range e.Citations {
			if c.Number != seen || memo.UTF16Len(c.Quote) != maxQuoteUnits {
				t.Fatalf("citation %d comes as number %d, its quote has %d units", c.Number, seen, memo.UTF16Len(c.Quote))
			}
			seen++
		}
	}
	if text.String() != token || seen != len(citations) {
		t.Errorf("%d bytes of text, %d citations", text.Len(), seen)
	}
	var all map[string]reference
	if err := json.Unmarshal([]byte(got["references"][0].Content), &all); err != nil || len(all) != 100 {
		t.Errorf("%d references: %v", len(all), err)
	}
	if !strings.HasPrefix(all["100"].MemoTitle, "龍") {
		t.Errorf("title %q", all["100"].MemoTitle)
	}
}

func TestNoLineOfWhatIsToldIsTooLong(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("\x01龍", 5000)
	var flags []conversation.Flag
	for range 50 {
		flags = append(flags, conversation.Flag{Text: long})
	}
	big := retrieval.Stage{Name: "fuse"}
	inferred := memo.Filters{{Field: "tags", Operator: "in", Values: []string{long}}}
	for i := range 50 {
		inferred = append(inferred, memo.Filter{Field: fmt.Sprint(i), Operator: "eq", Values: []string{long}})
		id := strings.Repeat("0", 36)
		big.Notes = append(big.Notes, long)
		big.Candidates = append(big.Candidates, retrieval.Candidate{
			Chunk: memo.ChunkID(id), Memo: memo.ID(id), Title: strings.Repeat("龍", 255),
		})
		big.Dropped = append(big.Dropped, retrieval.Dropped{Chunk: memo.ChunkID(id), Memo: memo.ID(id), Reason: long})
	}
	stages := &retrieval.Explanation{Stages: []retrieval.Stage{big, {Name: "rerank"}, {Name: "cut"}, big, big}}
	got := streamed(t, chat.Event{Step: &conversation.Step{Number: 1, Tool: "search", Input: long, Result: long}},
		chat.Event{Flags: flags},
		chat.Event{Explained: &chat.Explained{Question: long, Inferred: inferred, Explanation: stages}})

	if e := got["step"]; len(e) != 1 || memo.UTF16Len(e[0].Step.Input) != maxStepUnits {
		t.Errorf("steps %.300v", e)
	}
	seen := 0
	for _, e := range got["flags"] {
		seen += len(e.Flags)
	}
	var names []string
	for _, e := range got["explanation"] {
		for _, s := range e.Explained.Stages {
			names = append(names, s.Name)
			if s.Name == "fuse" &&
				(len(s.Candidates) != 50 || len(s.Dropped) != 50 || !strings.HasPrefix(s.Notes[49], "\x01龍")) {
				t.Errorf("%d candidates, %d dropped, notes %.300q", len(s.Candidates), len(s.Dropped), s.Notes)
			}
		}
	}
	want := []string{"fuse", "rerank", "cut", "fuse", "fuse"}
	if seen != len(flags) || !cmp.Equal(names, want) {
		t.Errorf("%d flags, stages %v, want %v", seen, names, want)
	}
}
