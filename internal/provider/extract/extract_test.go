package extract_test

import (
	"context"
	"strings"
	"testing"

	"kvasir/internal/llm"
	"kvasir/internal/provider/extract"
)

// passages are a small knowledge base, numbered from 1.
var passages = []llm.Document{
	{Number: 1, Title: "Ducks", Text: "# Ducks\n\nDucks are birds of the family Anatidae. They are omnivores: they eat " +
		"seeds, grass\nand small fish, e.g. minnows. Bread is bad for them.\n\n- Mallards weigh 1.1 kg on average.\n" +
		"- Teals are the smallest ducks.\n"},
	{Number: 2, Title: "Installing", Text: "## How do I install it?\n\nInstall the server with the package manager:\n\n" +
		"```sh\napt install duckd\n```\n\nThe server listens on port 8080. Set `port` in config.yaml to change it.\n"},
	{Number: 3, Title: "Prices", Text: "| plan | price |\n|---|---|\n| basic | 20 EUR a month |\n| pro | 250 EUR a month |\n"},
	{Number: 4, Title: "More on ducks", Text: "Bread is bad for ducks. The oldest duck lived 20 years."},
	{Number: 5, Title: "Enten", Text: "Die Stockente ist die größte Schwimmente in Europa. Sie ernährt sich von " +
		"Pflanzen und Würmern."},
}

func ask(t *testing.T, question string, documents []llm.Document) (answer string, pieces int) {
	t.Helper()
	var b strings.Builder
	req := llm.GenerateRequest{Question: question, Documents: documents}
	for ev, err := range extract.New().Generate(t.Context(), req) {
		if err != nil {
			t.Fatal(err)
		}
		b.WriteString(ev.Text)
		pieces++
	}
	return b.String(), pieces
}

func TestAnswersAreQuotations(t *testing.T) {
	t.Parallel()
	tests := []struct{ question, want string }{
		{
			"What do ducks eat?",
			"They are omnivores: they eat seeds, grass and small fish, e.g. minnows. [[1]]",
		},
		{"How much do mallards weigh?", "Mallards weigh 1.1 kg on average. [[1]]"},
		{"Which are the smallest ducks?", "Teals are the smallest ducks. [[1]]"},
		{"On which port does the server listen?", "The server listens on port 8080. [[2]]"},
		{"What is the price of the pro plan?", "| pro | 250 EUR a month | [[3]]"},
		{"Bread is bad for them", "Bread is bad for them. [[1]]"},
		{"Wovon ernährt sich die Stockente?", "Sie ernährt sich von Pflanzen und Würmern. [[5]]"},
	}
	for _, tt := range tests {
		if got, _ := ask(t, tt.question, passages); !strings.Contains(got, tt.want) {
			t.Errorf("%s\n got %q\nwant %q in it", tt.question, got, tt.want)
		}
	}
}

func TestNothingFits(t *testing.T) {
	t.Parallel()
	for _, question := range []string{
		"Who won the world cup?", "What is the capital of Australia?", "How do I install a kitchen sink?",
		"How many ducks live in Australia?", "", "???", "the of and",
	} {
		if question == "" {
			continue
		}
		if got, _ := ask(t, question, passages); got != extract.NotFound {
			t.Errorf("%s got %q, want the refusal", question, got)
		}
	}
	if got, _ := ask(t, "What do ducks eat?", nil); got != extract.NotFound {
		t.Errorf("without passages: %q", got)
	}
}

func TestTheSameIsSaidOnce(t *testing.T) {
	t.Parallel()
	got, _ := ask(t, "Is bread bad for ducks?", passages)
	if n := strings.Count(got, "Bread is bad"); n != 1 {
		t.Errorf("bread is mentioned %d times: %q", n, got)
	}
}

func TestEverySentenceIsInItsPassage(t *testing.T) {
	t.Parallel()
	for _, question := range []string{"What do ducks eat?", "How do I set the port?", "How old was the oldest duck?"} {
		got, _ := ask(t, question, passages)
		for quote := range strings.SplitSeq(got, "]]") {
			text, number, ok := strings.Cut(quote, " [[")
			if !ok {
				continue
			}
			source := strings.Join(strings.Fields(passages[number[0]-'1'].Text), " ")
			if !strings.Contains(source, strings.TrimSpace(text)) {
				t.Errorf("%s: %q is not in passage %s", question, text, number)
			}
		}
	}
}

func TestAnswersAreStreamed(t *testing.T) {
	t.Parallel()
	answer, pieces := ask(t, "What do ducks eat?", passages)
	if words := len(strings.Fields(answer)); pieces != words {
		t.Errorf("%d pieces for %d words", pieces, words)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	req := llm.GenerateRequest{Question: "What do ducks eat?", Documents: passages}
	var last error
	for _, err := range extract.New().Generate(ctx, req) {
		last = err
		cancel()
	}
	if last == nil {
		t.Error("an answer goes on after its context has ended")
	}
}

func TestItCannotWrite(t *testing.T) {
	t.Parallel()
	for _, err := range extract.New().Generate(t.Context(), llm.GenerateRequest{Fast: true}) {
		if llm.ClassOf(err) != llm.ClassBadRequest {
			t.Errorf("free writing: %v, want a bad request", err)
		}
	}
}
