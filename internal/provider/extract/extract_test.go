package extract_test

import (
	"context"
	"strings"
	"testing"

	"kvasir/internal/conversation"
	"kvasir/internal/llm"
	"kvasir/internal/provider/extract"
)

// passages are a small knowledge base, numbered from 1.
var passages = []llm.Document{
	{Number: 1, Title: "Ducks", Text: "# Ducks\n\nDucks are birds of the family Anatidae. " +
		"They are omnivores: they eat seeds, grass\n" +
		"and small fish, e.g. minnows. Bread is bad for them.\n\n- Mallards weigh 1.1 kg on average.\n" +
		"- Teals are the smallest ducks.\n"},
	{Number: 2, Title: "Installing", Text: "## How do I install it?\n\n" +
		"Install the server with the package manager:\n\n```sh\napt install duckd\n```\n\n" +
		"The server listens on port 8080. Set `port` in config.yaml to change it.\n"},
	{Number: 3, Title: "Prices", Text: "| plan | price |\n|---|---|\n" +
		"| basic | 20 EUR a month |\n| pro | 250 EUR a month |\n"},
	{Number: 4, Title: "More on ducks", Text: "Bread is bad for ducks. The oldest duck lived 20 years."},
	{Number: 5, Title: "Enten", Text: "Die Stockente ist die größte Schwimmente in Europa. Sie ernährt sich von " +
		"Pflanzen und Würmern."},
	{Number: 6, Title: "鸭子", Text: "鸭子是水鸟。它们吃草、种子和小鱼。" +
		"绿头鸭平均重1.1公斤。"},
	{Number: 7, Title: "Canards", Text: "Le canard colvert pond une douzaine d'œufs. " +
		"L'éclosion a lieu après 28 jours."},
	{Number: 8, Title: "Backups", Text: "# Backups\n\n## How do I make a backup?\n\n[Guide](https://x.y/guide)\n\n" +
		"A night is enough time. The tape is a plastic strip for data."},
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
		{"What are ducks?", "Ducks are birds of the family Anatidae. [[1]]"},
		{"What is the tape?", "The tape is a plastic strip for data. [[8]]"},
		{"How do I install the server?", "Install the server with the package manager: [[2]]\n\napt install duckd [[2]]"},
		{"How old was the oldest duck?", "The oldest duck lived 20 years. [[4]]"},
		{"Wovon ernährt sich die Stockente?", "Sie ernährt sich von Pflanzen und Würmern. [[5]]"},
		{"绿头鸭有多重？", "绿头鸭平均重1.1公斤。 [[6]]"},
		{"什么是水鸟？", "鸭子是水鸟。 [[6]]"},
		{"Combien d'œufs pond le colvert ?", "Le canard colvert pond une douzaine d'œufs. [[7]]"},
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
		"How many ducks live in Australia?", "???", "the of and",
		"谁赢得了世界杯？", "Wer gewann die Weltmeisterschaft?",
		"How do I make a backup?", // a heading says so, and nothing below it
	} {
		if got, _ := ask(t, question, passages); got != conversation.Refusal(question) {
			t.Errorf("%s got %q, want the refusal", question, got)
		}
	}
	if got, _ := ask(t, "What do ducks eat?", nil); got != conversation.Refusal("") {
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

func TestAnAnswerHasAtMostThreeQuotations(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	for _, name := range []string{"red", "green", "blue", "black", "white", "brown", "grey"} {
		text.WriteString("The " + name + " valve of the " + name + "house is a " + name + "stone valve.\n\n")
	}
	got, _ := ask(t, "What is a valve?", []llm.Document{{Number: 1, Text: text.String()}})
	if n := strings.Count(got, "[[1]]"); n != 3 {
		t.Errorf("%d quotations, want 3: %q", n, got)
	}
}

func TestWhatIsQuotedCanBeRead(t *testing.T) {
	t.Parallel()
	documents := []llm.Document{
		{Number: 1, Title: "Letters", Text: "The harbour office opens at nine. It charges a fee for every crate."},
		{Number: 2, Title: "Crates", Text: "The pilot Marlow came in spring. He brought forty crates of tea to the harbour " +
			"office. It rained. Marlow left the crates of tea at the gate of the harbour."},
		{Number: 3, Title: "Setup", Text: "A backup needs three things:\n\n- a tape\n- a drive\n- an hour\n\nIt is slow."},
	}
	tests := []struct{ name, question, want string }{
		{
			"the sentence before says who", "How many crates of tea did the pilot Marlow bring in spring?",
			"The pilot Marlow came in spring. [[2]] He brought forty crates of tea to the harbour office. [[2]]",
		},
		{
			"what a colon introduces", "What things does a backup need?",
			"A backup needs three things: [[3]]\n\na tape [[3]]\n\na drive [[3]]\n\nan hour [[3]]",
		},
	}
	for _, tt := range tests {
		if got, _ := ask(t, tt.question, documents); !strings.HasPrefix(got, tt.want) {
			t.Errorf("%s:\n got %q\nwant %q first", tt.name, got, tt.want)
		}
	}
}

func TestRefusalsAreInTheQuestionsLanguage(t *testing.T) {
	t.Parallel()
	got, _ := ask(t, "谁赢得了世界杯？", passages)
	if english := conversation.Refusal(""); got == english || got != conversation.Refusal("谁赢得了世界杯？") {
		t.Errorf("refused by %q", got)
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

func BenchmarkAnswer(b *testing.B) {
	var documents []llm.Document
	for i := range 25 { // as many as chat hands over, of the usual length
		var text strings.Builder
		for text.Len() < 1200 {
			text.WriteString(passages[i%len(passages)].Text + "\n")
		}
		documents = append(documents, llm.Document{Number: i + 1, Title: "T", Text: text.String()})
	}
	req := llm.GenerateRequest{Question: "What do ducks eat?", Documents: documents}
	for b.Loop() {
		for _, err := range extract.New().Generate(b.Context(), req) {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
}
