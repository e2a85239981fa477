package lexical

import "strings"

// negations are words that turn what is said into its opposite.
var negations = func() map[string]bool {
	all := map[string]bool{}
	for w := range strings.FieldsSeq(`no not never none nor neither without cannot nobody nothing nowhere hardly
nicht kein keine keinen keinem keiner keines nie niemals ohne weder niemand nichts
ne pas jamais sans aucun aucune ni rien personne
nunca jamás sin ningún ninguno ninguna nada nadie tampoco
non mai senza nessun nessuno nessuna né niente
não sem nenhum nenhuma ninguém
niet geen nooit zonder noch niemand niets
ikke ikkje aldrig aldri uden uten ingen inget intet inte utan ej icke
ei eivät en älä ilman koskaan
nem soha nélkül sem
nu niciodată fără niciun nicio
не нет ни без никогда нельзя
değil yok hiç asla
لا لم لن ليس ليست غير بدون
δεν μην ούτε χωρίς ποτέ
nie nigdy bez brak
nikdy není nejsou
không chưa chẳng
नहीं मत बिना`) {
		all[w] = true
	}
	return all
}()

// Negates reports whether a word, in lower case, turns what is said into its
// opposite. In a script without spaces a word is one character.
func Negates(word string) bool {
	return negations[word] || strings.HasSuffix(word, "n't") || strings.HasSuffix(word, "n’t") ||
		len(word) == 3 && strings.Contains("不没沒無无未非否莫", word)
}
