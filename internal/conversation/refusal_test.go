package conversation_test

import (
	"strings"
	"testing"

	"kvasir/internal/conversation"
)

func TestRefusalsAreInTheLanguageOfTheQuestion(t *testing.T) {
	t.Parallel()
	for question, want := range map[string]string{
		"What is the capital of Australia?": "I could not",
		"Xyzzy?":                            "I could not",
		"":                                  "I could not",
		"Wer war der Gewinner der Weltmeisterschaft?":  "Dazu habe ich",
		"Quelle est la capitale de l'Australie ?":      "Je n'ai pas",
		"¿Cuál es la capital de Australia?":            "No he encontrado",
		"Qual è la capitale dell'Australia e dove è?":  "Non ho trovato",
		"Qual é a capital da Austrália e onde é isso?": "Não encontrei",
		"Wat is de hoofdstad van het land?":            "Ik heb",
		"Где находится столица Австралии?":             "В заметках",
		"ما هي عاصمة أستراليا؟":                        "لم أجد",
		"澳大利亚的首都是什么？":                                  "在备忘录",
		"オーストラリアの首都はどこですか？":                            "メモ",
		"호주의 수도는 어디입니까?":                               "메모",
		"What does 鸭 mean in Chinese, and what is 鹅?":  "I could not",
		"Docker 是什么？":                                  "在备忘录",
	} {
		if got := conversation.Refusal(question); !strings.HasPrefix(got, want) {
			t.Errorf("%q is refused by %q, want %q …", question, got, want)
		}
	}
}

func TestAShortQuestionIsRefusedInTheLanguageOfWhatWasFound(t *testing.T) {
	t.Parallel()
	german := "Die Bibliothek ist für alle offen, aber nicht am Sonntag."
	for question, want := range map[string]string{
		"Öffnungszeiten Museum?":    "Dazu habe ich",
		"What is the opening time?": "I could not",
		"图书馆几点开门？":                  "在备忘录",
	} {
		if got := conversation.Refusal(question, german); !strings.HasPrefix(got, want) {
			t.Errorf("%q is refused by %q, want %q …", question, got, want)
		}
	}
}
