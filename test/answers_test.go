package test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"kvasir/client"
	"kvasir/internal/provider/providertest"
)

// A fact is what a memo says, and how a model may tell it, rightly and wrongly.
type fact struct {
	question, said string
	right, wrong   []string
}

// facts are about many things, in two languages, and each wrong claim is wrong in one
// thing only: a number, a name, a negation, a unit, a place.
func facts() []fact {
	var list []fact
	people := []string{"Helena Voss", "Tom Reed", "Maria Berg", "Anton Krause", "Ines Duarte", "Paul Novak"}
	towns := []string{"Uppsala", "Zurich", "Porto", "Krakow", "Bergen", "Ghent"}
	gaeste := []string{"Frau Lindner", "Herr Sommer", "Frau Achatz", "Herr Wegner", "Frau Thiele", "Herr Brandt"}
	for i, town := range towns {
		other, person, guest := towns[(i+1)%len(towns)], people[i], gaeste[i]
		nights, euros, years := 3+i, 140+17*i, 1987+4*i
		list = append(list, fact{
			question: "What does a hotel in " + town + " cost?",
			said:     fmt.Sprintf("A hotel in %s costs %d euros a night and is booked for %d nights at most.", town, euros, nights+20),
			right: []string{
				fmt.Sprintf("A hotel in %s costs %d euros a night", town, euros),
				fmt.Sprintf("%d euros", euros),
				fmt.Sprintf("The cost of a hotel in %s is %d euros a night", town, euros),
			},
			wrong: []string{
				fmt.Sprintf("A hotel in %s costs %d euros a night", town, euros+30),
				fmt.Sprintf("A hotel in %s costs %d euros a night", other, euros),
				fmt.Sprintf("A hotel in %s costs %d euros a week and breakfast at the Grand Plaza", town, euros),
			},
		}, fact{
			question: "Who approves journeys from " + town + "?",
			said:     fmt.Sprintf("%s approves journeys that begin in %s, and has done so since %d.", person, town, years),
			right: []string{
				fmt.Sprintf("%s approves journeys that begin in %s", person, town),
				fmt.Sprintf("Since %d journeys from %s are approved by %s", years, town, person),
				person,
			},
			wrong: []string{
				fmt.Sprintf("%s approves journeys that begin in %s", people[(i+2)%len(people)], town),
				fmt.Sprintf("%s does not approve journeys that begin in %s", person, town),
				fmt.Sprintf("%s approves journeys that begin in %s, and has done so since %d", person, town, years+3),
			},
		}, fact{
			question: "Wann schließt das Archiv in " + town + "?",
			said: fmt.Sprintf("Das Archiv in %s schließt werktags um %d Uhr, und %s führt dort die Aufsicht über den Lesesaal.",
				town, 12+i, guest),
			right: []string{
				fmt.Sprintf("Das Archiv in %s schließt um %d Uhr", town, 12+i),
				fmt.Sprintf("Die Aufsicht über den Lesesaal in %s führt %s", town, guest),
				fmt.Sprintf("Es schließt werktags um %d Uhr", 12+i),
			},
			wrong: []string{
				fmt.Sprintf("Das Archiv in %s schließt um %d Uhr", town, 23-i),
				fmt.Sprintf("Das Archiv in %s schließt werktags nicht um %d Uhr", town, 12+i),
				fmt.Sprintf("Das Archiv in %s schließt werktags um %d Uhr, und %s führt dort die Aufsicht über den Lesesaal",
					town, 12+i, gaeste[(i+1)%len(gaeste)]),
			},
		})
	}
	return list
}

var fenced = regexp.MustCompile(`(?s)<<<passage (\d+) \w+\n(.*?)\npassage>>>`)

// numberOf returns the number of the passage that has a text, in what a model was told.
func numberOf(r providertest.Request, text string) string {
	for _, m := range fenced.FindAllStringSubmatch(strings.Join(r.Texts, "\n"), -1) {
		if strings.Contains(m[2], text) {
			return m[1]
		}
	}
	return ""
}

// A model tells right and wrong things and cites the right passage for all of them. What is
// wrong is flagged, what is right is not, and citations are the sentences themselves.
func TestWrongClaimsAreFlagged(t *testing.T) {
	t.Parallel()
	provider, environment := scripted(t)
	c := serve(t, environment...)
	list := facts()
	for i, f := range list {
		filler := "Nothing else is settled about it. The office answers questions. "
		id, err := c.CreateMemo(t.Context(), client.NewMemo{Title: fmt.Sprint("Note ", i), Content: filler + f.said + " " + filler})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.WaitForMemo(t.Context(), client.ByID(id)); err != nil {
			t.Fatal(err)
		}
	}
	var claim, said string // of the present question; questions are asked one by one
	provider.Decide(providertest.Chat, func(r providertest.Request) (providertest.Action, bool) {
		return providertest.Action{Text: claim + " [[" + numberOf(r, said) + "]]."}, true
	})
	ask := func(f fact, text string) client.Answer {
		claim, said = text, f.said
		a, err := c.Chat(t.Context(), client.ChatRequest{
			Query: f.question, RAG: &client.RAGConfig{References: &client.Toggle{Enabled: true}},
		})
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	counts := map[bool][2]int{} // by whether it is wrong: flagged, all
	for _, f := range list {
		for k, text := range append(append([]string{}, f.right...), f.wrong...) {
			a, wrong := ask(f, text), k >= len(f.right)
			n := counts[wrong]
			n[1]++
			if len(a.Flags) > 0 {
				n[0]++
			}
			counts[wrong] = n
			if wrong != (len(a.Flags) > 0) {
				t.Logf("wrong: %v, flagged: %v: %s\n\tfrom: %s", wrong, !wrong, text, f.said)
			}
			if len(a.Citations) != 1 || a.Citations[0].Quote != f.said {
				t.Errorf("%q cites %+v, want %q", text, a.Citations, f.said)
			}
		}
	}
	t.Logf("wrong claims flagged: %d of %d; right ones: %d of %d", counts[true][0], counts[true][1], counts[false][0], counts[false][1])
	if n := counts[true]; 10*n[0] < 9*n[1] {
		t.Errorf("of %d wrong claims %d are flagged, want 90 %%", n[1], n[0])
	}
	if n := counts[false]; 20*n[0] > n[1] {
		t.Errorf("of %d right claims %d are flagged, want 5 %% at most", n[1], n[0])
	}
}

// The page of a citation is that on which its sentence stands, also in a chunk that began
// on the page before.
func TestCitationsHavePages(t *testing.T) {
	t.Parallel()
	s := serve(t)
	file, err := os.ReadFile("../internal/parse/pdf/testdata/report.pdf")
	if err != nil {
		t.Fatal(err)
	}
	status, answer := s.upload(t, "report.pdf", file)
	if status != http.StatusCreated {
		t.Fatalf("status %d: %v", status, answer)
	}
	id := fmt.Sprint(answer["memo_uuid"])
	s.done(t, id)
	m, err := s.GetMemo(t.Context(), client.ByID(id))
	if err != nil {
		t.Fatal(err)
	}
	pages := 0
	for _, p := range m.Parts {
		text := m.Content[p.Start:p.End]
		for sentence := range strings.SplitSeq(text, ". ") {
			if len(strings.Fields(sentence)) < 6 {
				continue
			}
			a, err := s.Chat(t.Context(), client.ChatRequest{Query: strings.TrimSpace(sentence) + "?"})
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range a.Citations {
				if got := m.Content[c.Start:c.End]; !strings.HasPrefix(got, c.Quote) {
					t.Errorf("the range of %q has %q", c.Quote, got)
				}
				want := 0
				for _, p := range m.Parts {
					if p.Start <= c.Start && c.Start < p.End {
						want = p.Number
					}
				}
				if c.Page != want {
					t.Errorf("%q stands on page %d, cited is page %d", c.Quote, want, c.Page)
				}
				pages = max(pages, c.Page)
			}
			break
		}
	}
	if pages < 2 {
		t.Errorf("no citation was beyond page %d", pages)
	}
}

func TestAnswersOfAForm(t *testing.T) {
	t.Parallel()
	provider, environment := scripted(t)
	c := serve(t, environment...)
	schema := &client.Schema{Name: "place", JSON: []byte(`{"type": "object", "properties": {"city": {"type": "string"}},
		"required": ["city"], "additionalProperties": false}`)}
	ask := func(s *client.Schema, texts ...string) (client.Answer, error) {
		for _, text := range texts {
			provider.Next(providertest.Chat, providertest.Action{Text: text})
		}
		return c.Chat(t.Context(), client.ChatRequest{Query: "Where?", Schema: s})
	}
	for _, texts := range [][]string{
		{`{"city": "Uppsala"}`},
		{"```json\n{\"city\": \"Uppsala\"}\n```"},
		{"I think it is Uppsala.", `{"city": "Uppsala"}`},
	} {
		if a, err := ask(schema, texts...); err != nil || a.Text != `{"city":"Uppsala"}` {
			t.Errorf("%q became %+v, %v", texts, a, err)
		}
	}
	refused := func(err error, status int, words string) {
		t.Helper()
		failure, ok := errors.AsType[*client.APIError](err)
		if !ok || failure.StatusCode != status || !strings.Contains(failure.Message, words) {
			t.Errorf("got %v, want %d with %q", err, status, words)
		}
	}
	_, err := ask(schema, "Uppsala.", `{"town": "Uppsala"}`)
	refused(err, http.StatusServiceUnavailable, "does not fit response_format.json_schema.schema")
	_, err = ask(&client.Schema{Name: "x", JSON: []byte(`{"type": "town"}`)})
	refused(err, http.StatusBadRequest, "response_format.json_schema.schema")
	_, err = ask(&client.Schema{Name: "x", JSON: []byte(`{"$ref": "file:///etc/passwd"}`)})
	refused(err, http.StatusBadRequest, "is not looked up")
	_, err = serve(t).Chat(t.Context(), client.ChatRequest{Query: "Where?", Schema: schema})
	refused(err, http.StatusBadRequest, "only quotes")
}

// A model that looks around by itself: it babbles, is reminded, searches, reads, names what
// the answer needs; and one whose client goes while it searches.
func TestAModelLooksAround(t *testing.T) {
	t.Parallel()
	provider, environment := scripted(t)
	c := serve(t, environment...)
	texts := map[string]string{
		"Project Aurora": "Project Aurora is headed by Helena Voss since 1999.",
		"People":         "Helena Voss was born in Uppsala. Tom Reed was born in Ghent.",
	}
	ids := map[string]string{}
	for title, text := range texts {
		id, err := c.CreateMemo(t.Context(), client.NewMemo{Title: title, Content: text})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.WaitForMemo(t.Context(), client.ByID(id)); err != nil {
			t.Fatal(err)
		}
		ids[title] = id
	}
	request := client.ChatRequest{Query: "Where was the head of Aurora born?", RAG: &client.RAGConfig{
		References: &client.Toggle{Enabled: true}, Agentic: &client.Agentic{Enabled: true, MaxSteps: 4},
	}}
	say := func(text string) providertest.Action { return providertest.Action{Text: text} }
	provider.Next(providertest.Chat, say("Let me think."), say(`{"tool": "search", "query": "head of Aurora"}`),
		say(`{"tool": "read_memo", "memo": "`+ids["People"]+`"}`), say(`{"tool": "answer", "passages": [2, 1]}`),
		say("She was born in Uppsala [[1]]."))
	var a client.Answer
	for e, err := range c.StreamChat(t.Context(), request) {
		if err != nil {
			t.Fatal(err)
		}
		a.Add(e)
	}
	var tools []string
	for _, s := range a.Steps {
		tools = append(tools, s.Tool)
	}
	if got := strings.Join(tools, " "); got != "search read_memo" || !strings.Contains(a.Steps[1].Result, "of People") {
		t.Errorf("steps: %+v", a.Steps)
	}
	if len(a.Citations) != 1 || len(a.Flags) != 0 || !strings.Contains(texts[a.Citations[0].MemoTitle], a.Citations[0].Quote) {
		t.Errorf("citations %+v, flags %+v", a.Citations, a.Flags)
	}
	provider.Next(providertest.Chat, say(`{"tool": "list_tags"}`), providertest.Action{Fault: providertest.Stall, After: 1})
	asked := len(provider.Requests(providertest.Chat)) + 2
	ctx, hangUp := context.WithCancel(t.Context())
	var g errgroup.Group
	g.Go(func() error {
		steps := 0
		for e, err := range c.StreamChat(ctx, request) {
			if err != nil && ctx.Err() == nil {
				return err
			}
			if e.Step != nil {
				steps++
			}
		}
		if steps != 1 {
			return fmt.Errorf("%d steps before the client went, want 1", steps)
		}
		return nil
	})
	eventually(t, "the model thinks about its second step", func() bool {
		return len(provider.Requests(providertest.Chat)) >= asked && provider.Totals(providertest.Chat).InFlight == 1
	})
	hangUp()
	if err := g.Wait(); err != nil {
		t.Error(err)
	}
	eventually(t, "the provider is let go", func() bool { return provider.Totals(providertest.Chat).HungUp == 1 })
}
