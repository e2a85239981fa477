package conversation

import (
	"cmp"
	"strings"
	"unicode"

	"kvasir/internal/lexical"
)

// refusals are in the languages that a question can be known to be in.
var refusals = map[lexical.Language]string{
	lexical.English:    "I could not find an answer to that in the memos.",
	lexical.German:     "Dazu habe ich in den Memos keine Antwort gefunden.",
	lexical.French:     "Je n'ai pas trouvé de réponse à cette question dans les mémos.",
	lexical.Spanish:    "No he encontrado una respuesta a eso en las notas.",
	lexical.Italian:    "Non ho trovato una risposta a questa domanda nei memo.",
	lexical.Portuguese: "Não encontrei uma resposta para isso nas notas.",
	lexical.Dutch:      "Ik heb daarop geen antwoord gevonden in de memo's.",
	lexical.Danish:     "Det har jeg ikke fundet noget svar på i notaterne.",
	lexical.Swedish:    "Jag hittade inget svar på det i anteckningarna.",
	lexical.Norwegian:  "Jeg fant ikke noe svar på det i notatene.",
	lexical.Finnish:    "En löytänyt siihen vastausta muistioista.",
	lexical.Russian:    "В заметках не нашлось ответа на этот вопрос.",
	lexical.Turkish:    "Notlarda bunun yanıtını bulamadım.",
	lexical.Arabic:     "لم أجد إجابة عن ذلك في المذكرات.",
}

// refusalsByScript are in languages that no analyser knows apart, but that their
// script tells, the first that the question has.
var refusalsByScript = []struct {
	letters *unicode.RangeTable
	text    string
}{
	{unicode.Hiragana, "メモの中に答えが見つかりませんでした。"},
	{unicode.Katakana, "メモの中に答えが見つかりませんでした。"},
	{unicode.Hangul, "메모에서 답을 찾을 수 없었습니다."},
	{unicode.Han, "在备忘录中没有找到答案。"},
	{unicode.Devanagari, "मुझे मेमो में इसका उत्तर नहीं मिला।"},
	{unicode.Greek, "Δεν βρήκα απάντηση σε αυτό στις σημειώσεις."},
	{unicode.Hebrew, "לא מצאתי לכך תשובה ברשומות."},
	{unicode.Thai, "ไม่พบคำตอบในบันทึก"},
}

// Refusal says, in the language of the question, that there is no answer to it. If the
// question does not tell, the texts around it may; else it is in English.
func Refusal(question string, around ...string) string {
	if foreign(question) {
		for _, r := range refusalsByScript {
			if strings.ContainsFunc(question, func(c rune) bool { return unicode.Is(r.letters, c) }) {
				return r.text
			}
		}
	}
	for _, text := range append([]string{question}, around...) {
		if lang := lexical.Detect(text); lang != lexical.Unknown {
			return cmp.Or(refusals[lang], refusals[lexical.English])
		}
	}
	return refusals[lexical.English]
}

// foreign reports whether fewer letters are Latin than not. One of those that stand
// for a whole word counts as three.
func foreign(text string) bool {
	balance := 0
	for _, c := range text {
		switch {
		case unicode.Is(unicode.Latin, c):
			balance--
		case unicode.Is(unicode.Han, c):
			balance += 3
		case unicode.IsLetter(c):
			balance++
		}
	}
	return balance > 0
}
