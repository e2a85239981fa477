package lexical

import (
	"strings"
	"unicode"

	"github.com/blevesearch/snowballstem"
	"github.com/blevesearch/snowballstem/danish"
	"github.com/blevesearch/snowballstem/dutch"
	"github.com/blevesearch/snowballstem/english"
	"github.com/blevesearch/snowballstem/finnish"
	"github.com/blevesearch/snowballstem/french"
	"github.com/blevesearch/snowballstem/german"
	"github.com/blevesearch/snowballstem/hungarian"
	"github.com/blevesearch/snowballstem/italian"
	"github.com/blevesearch/snowballstem/norwegian"
	"github.com/blevesearch/snowballstem/portuguese"
	"github.com/blevesearch/snowballstem/romanian"
	"github.com/blevesearch/snowballstem/russian"
	"github.com/blevesearch/snowballstem/spanish"
	"github.com/blevesearch/snowballstem/swedish"
	"github.com/blevesearch/snowballstem/turkish"
)

// A Language is a language whose words are stemmed.
type Language uint8

// The languages. Unknown ones, and those without spaces, are not stemmed.
const (
	Unknown Language = iota
	English
	German
	French
	Spanish
	Italian
	Portuguese
	Dutch
	Danish
	Swedish
	Norwegian
	Finnish
	Hungarian
	Romanian
	Russian
	Turkish
	languages // how many there are
)

// A tongue is what is known of a language. Its words are frequent ones: they are
// left out of the index, and their count tells the language.
type tongue struct {
	stem  func(*snowballstem.Env) bool
	words map[string]bool
}

func set(words string) map[string]bool {
	out := map[string]bool{}
	for w := range strings.FieldsSeq(words) {
		out[w] = true
	}
	return out
}

// The English words are Lucene's; the others are the most frequent articles,
// conjunctions, prepositions and pronouns of Snowball's lists.
var tongues = [languages]tongue{
	Unknown: {},
	English: {english.Stem, set(`a an and are as at be but by for if in into is it no not of on or such that the
their then there these they this to was will with s t`)},
	German: {german.Stem, set(`aber als am an auch auf aus bei bin bis das dass dem den der des die dies diese dieser
durch ein eine einem einen einer eines er es für hat hatte ich ihr ihre im in ist ja kann mit nach nicht noch nur
oder sein seine sich sie sind so über um und uns vom von vor war waren was wenn wer wie wir wird wo wurde wurden zu
zum zur`)},
	French: {french.Stem, set(`à au aux avec ce ces cette dans de des du elle en est et était il ils je la le les leur lui
mais ne nous on ont ou où par pas pour qu que quel quelle qui sa se ses son sont sur un une vous y d l c n s`)},
	Spanish: {spanish.Stem, set(`a al como con cual cuál de del desde donde dónde e el él ella en entre era es esta este
fue ha hay la las le lo los más me mi muy no o para pero por qué que quién se si sin sobre son su sus un una y ya`)},
	Italian: {italian.Stem, set(`a ad al alla anche che chi ci come con cosa da dal dalla dei del della delle di è e ed era
fu gli ha i il in io la le lo ma mi nel nella non o per più quale quando quello questo se si sono su sua suo tra un una
uno`)},
	Portuguese: {portuguese.Stem, set(`a à ao aos as às com como da das de do dos e é ela ele em entre era essa esse esta
este eu foi há isso já lhe mais mas me na não nas no nos o os ou para pela pelo por qual quando que quem se sem ser seu
são sua também um uma`)},
	Dutch: {dutch.Stem, set(`aan al als bij dan dat de der deze die dit door een en er heeft het hij hoe ik in is je kan
maar met mijn naar niet nog of om onder ook op over te tot uit van voor was wat werd wie wij wordt zich zij zijn zo`)},
	Danish: {danish.Stem, set(`af alle at blev da de den der deres det du efter eller en er et for fra han har hun hvad hvor i
ikke ind jeg kan man med men mig når og også om op os over på sig skal som til ud under var ved vi vil`)},
	Swedish: {swedish.Stem, set(`alla att av blev de dem den denna det detta du där efter eller en ett från för han har hon hur
i inte jag kan man med men mot när och också om oss på sig sin som till under upp ut var vi vid är över`)},
	Norwegian: {norwegian.Stem, set(`alle at av ble da de den der det du eller en er et etter for fra han har hun hva hvor i
ikke inn jeg kan man med men mot når og også om opp oss over på seg skal som til ut var ved vi vil være`)},
	Finnish: {finnish.Stem, set(`ei että he hän ja joka jos kun kuin mikä minä mitä mutta myös ne niin nyt ole oli on ovat se
sekä sen siitä sitä tai tämä vain voi`)},
	Hungarian: {hungarian.Stem, set(`a az azt be csak de egy el én és ez ezt fel hogy ha is ki le maga már meg mert mi még
mint minden nagy nem ők ő s szerint újabb vagy van volt`)},
	Romanian: {romanian.Stem, set(`a acest al ale au ca care ce cea cel cu de din dar după ei el este eu fi fost iar în la lui
mai ne nu o pe pentru prin sa se sau său și sunt un unei unui`)},
	Russian: {russian.Stem, set(`а без был была было в вы да для до его её если же за и из или их к как ко кто мы на не
него но о об он она они от по при с со так то у что это этот я`)},
	Turkish: {turkish.Stem, set(`ama bir biz bu çok çünkü da daha de en gibi her hem için ile ise ki kim mi mı ne nasıl
o olan olarak sonra şu ve veya ya`)},
}

func stopWords(lang Language) map[string]bool { return tongues[lang].words }

func stemOf(lang Language, word string) string {
	stem := tongues[lang].stem
	if stem == nil || strings.ContainsAny(word, "0123456789") {
		return word
	}
	env := snowballstem.NewEnv(word)
	stem(env)
	return env.Current()
}

// detectWords is how many words of a text are looked at.
const detectWords = 200

// Detect tells a text's language by its frequent words. A text with too few of
// them, or in a script of its own, is Unknown.
func Detect(text string) Language {
	var votes [languages]int
	words := 0
	for w := range strings.FieldsFuncSeq(text, func(r rune) bool { return !unicode.IsLetter(r) }) {
		if words++; words > detectWords {
			break
		}
		w = strings.ToLower(w)
		for lang := English; lang < languages; lang++ {
			if tongues[lang].words[w] {
				votes[lang]++
			}
		}
	}
	best, second := Unknown, 0
	for lang := English; lang < languages; lang++ {
		switch n := votes[lang]; {
		case n > votes[best]:
			best, second = lang, votes[best]
		case n > second:
			second = n
		}
	}
	// One word may be of several languages; two, more than any other's, are not.
	if votes[best] < 2 || votes[best] == second {
		return Unknown
	}
	return best
}
