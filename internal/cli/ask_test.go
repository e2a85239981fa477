package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kvasir/client"
	"kvasir/client/clienttest"
)

func TestAsk(t *testing.T) {
	t.Parallel()
	srv := clienttest.Start(t)
	id := put(t, srv, "Ducks", "Ducks eat seeds.")
	want := "Ducks eat seeds. [[1]]\n\nSources\n  [1] Ducks (memo " + id + ")\n      page 7: “Ducks eat seeds.”\n"
	for _, question := range []string{"What do ducks eat?", "-"} {
		if r := on(t, srv, "ask", question).succeed(t); r.stdout != want {
			t.Errorf("ask %q: stdout %q, want %q", question, r.stdout, want)
		}
	}
	r := on(t, srv, "ask", "--json", "What do ducks eat?").succeed(t)
	for _, want := range []string{
		`"response": "Ducks eat seeds. [[1]]"`, `"citations": [`, `"chat_id": "0`, `"references": {`,
	} {
		if !strings.Contains(r.stdout, want) {
			t.Errorf("JSON lacks %s:\n%s", want, r.stdout)
		}
	}
	if r := on(t, srv, "ask", "What is a quark?").succeed(t); r.stdout != "Nothing fits.\n" {
		t.Errorf("without a source: stdout %q", r.stdout)
	}
	r = on(t, srv, "ask", clienttest.BrokenQuery)
	if r.status != exitFailed || !strings.Contains(r.stderr, "the answer broke off: the model went away") {
		t.Errorf("for a broken answer: %+v", r)
	}
}

func TestAskTellsMore(t *testing.T) {
	t.Parallel()
	srv := clienttest.Start(t)
	put(t, srv, "Swans", "Swans eat reed. A swan "+clienttest.DoubtfulText+" sing.")
	const question = "What do swans eat?"
	r := on(t, srv, "ask", "--agentic", "--max-steps", "3", "--explain", "--infer-filters", question).succeed(t)
	for _, want := range []string{
		"\nNot borne out\n  A swan is said to sing.\n    [1] says something else, or less.\n",
		"\nSources\n  [1] Swans (memo ", "\nRead from the question\n  source eq farm\n", "\nHow the passages were found\n",
	} {
		if !strings.Contains(r.stdout, want) {
			t.Errorf("stdout lacks %q:\n%s", want, r.stdout)
		}
	}
	if !strings.HasPrefix(r.stderr, "1. search What do swans eat?: 1 passage\n") {
		t.Errorf("steps: %q", r.stderr)
	}
	r = on(t, srv, "ask", "--agentic", "--json", question).succeed(t)
	for _, want := range []string{`"flags": [`, `"steps": [`, `"reason": "unsupported"`, `"quote": "Swans eat`} {
		if !strings.Contains(r.stdout, want) {
			t.Errorf("JSON lacks %s:\n%s", want, r.stdout)
		}
	}
}

func TestAskForJSONOfASchema(t *testing.T) {
	t.Parallel()
	srv := clienttest.Start(t)
	put(t, srv, "Ducks", "Ducks eat seeds.")
	dir := write(t, map[string]string{"a duck.v2.json": `{"type": "object"}`, "no.json": `{`})
	r := on(t, srv, "ask", "--schema", filepath.Join(dir, "a duck.v2.json"), "What do ducks eat?").succeed(t)
	if r.stdout != "{\"schema\": \"a_duck_v2\"}\n" {
		t.Errorf("stdout %q", r.stdout)
	}
	if r := on(t, srv, "ask", "--schema", filepath.Join(dir, "no.json"), "?"); !strings.Contains(r.stderr, "is not JSON") {
		t.Errorf("for what is no JSON: %+v", r)
	}
	_, missing := os.Open(filepath.Join(dir, "none"))
	if r := on(t, srv, "ask", "--schema", filepath.Join(dir, "none"), "?"); !strings.Contains(r.stderr, missing.Error()) {
		t.Errorf("for no file: %+v", r)
	}
}

func TestSources(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	s := &session{out: &screen{w: &out, color: true}}
	s.printFlags([]client.Flag{
		{Text: "Swans\x1b[31m bark.", Reason: client.FlagUncited},
		{Text: "They moo.", Reason: client.FlagNoPassage, Numbers: []int{8, 9}},
		{Text: "They fly.", Reason: "of_a_later_version"},
	})
	s.out.color = false
	s.printSources([]client.Citation{
		{Number: 2, MemoID: "m2", MemoTitle: "B", Start: 3, End: 9, Page: 4},
		{Number: 1, MemoID: "m1", MemoTitle: "A", Quote: "One."},
		{Number: 1, MemoID: "m1", MemoTitle: "A", Quote: strings.Repeat("x", 400), Page: 2},
	})
	want := "\n\x1b[1mNot borne out\x1b[0m\n" +
		"\x1b[33m  Swans[31m bark.\x1b[0m\n    It names no source.\n" +
		"\x1b[33m  They moo.\x1b[0m\n    There is no source [8] and [9].\n" +
		"\x1b[33m  They fly.\x1b[0m\n    of a later version\n" +
		"\nSources\n  [1] A (memo m1)\n      “One.”\n      page 2:\n      “" + strings.Repeat("x", 299) + "…”\n" +
		"  [2] B (memo m2, bytes 3 to 9, page 4)\n"
	if out.String() != want {
		t.Errorf("printed %q, want %q", out.String(), want)
	}
}
