package test

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

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
