package lexical

import (
	"math/bits"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/blevesearch/snowballstem"
	"github.com/blevesearch/snowballstem/arabic"
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
	"github.com/blevesearch/snowballstem/tamil"
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
	Arabic
	Tamil
	languages // how many there are
)

// A tongue is what is known of a language. Its words are frequent ones: they tell
// little in a query, and their count tells the language.
type tongue struct {
	stem  func(*snowballstem.Env) bool
	words string
}

// The English words are Lucene's; the others are the most frequent articles,
// conjunctions, prepositions and pronouns of Snowball's lists.
var tongues = [languages]tongue{
	Unknown: {},
	English: {english.Stem, `a an and are as at be but by for if in into is it no not of on or such that the their
then there these they this to was will with s t`},
	German: {german.Stem, `aber als am an auch auf aus bei bin bis das dass dem den der des die dies diese dieser
durch ein eine einem einen einer eines er es für hat hatte ich ihr ihre im in ist ja kann mit nach nicht noch
nur oder sein seine sich sie sind so über um und uns vom von vor war waren was wenn wer wie wir wird wo wurde
wurden zu zum zur`},
	French: {french.Stem, `à au aux avec ce ces cette dans de des du elle en est et était il ils je la le les
leur lui mais ne nous on ont ou où par pas pour qu que quel quelle qui sa se ses son sont sur un une vous y d l
c n s`},
	Spanish: {spanish.Stem, `a al como con cual cuál de del desde donde dónde e el él ella en entre era es esta
este fue ha hay la las le lo los más me mi muy no o para pero por qué que quién se si sin sobre son su sus un
una y ya`},
	Italian: {italian.Stem, `a ad al alla anche che chi ci come con cosa da dal dalla dei del della delle di è e
ed era fu gli ha i il in io la le lo ma mi nel nella non o per più quale quando quello questo se si sono su sua
suo tra un una uno`},
	Portuguese: {portuguese.Stem, `a à ao aos as às com como da das de do dos e é ela ele em entre era essa esse
esta este eu foi há isso já lhe mais mas me na não nas no nos o os ou para pela pelo por qual quando que quem
se sem ser seu são sua também um uma`},
	Dutch: {dutch.Stem, `aan al als bij dan dat de der deze die dit door een en er heeft het hij hoe ik in is je
kan maar met mijn naar niet nog of om onder ook op over te tot uit van voor was wat werd wie wij wordt zich zij
zijn zo`},
	Danish: {danish.Stem, `af alle at blev da de den der deres det du efter eller en er et for fra han har hun hvad
hvor i ikke ind jeg kan man med men mig når og også om op os over på sig skal som til ud under var ved vi vil`},
	Swedish: {swedish.Stem, `alla att av blev de dem den denna det detta du där efter eller en ett från för han
har hon hur i inte jag kan man med men mot när och också om oss på sig sin som till under upp ut var vi vid
är över`},
	Norwegian: {norwegian.Stem, `alle at av ble da de den der det du eller en er et etter for fra han har hun hva
hvor i ikke inn jeg kan man med men mot når og også om opp oss over på seg skal som til ut var ved vi vil
være`},
	Finnish: {finnish.Stem, `ei että he hän ja joka jos kun kuin mikä minä mitä mutta myös ne niin nyt ole
oli on ovat se sekä sen siitä sitä tai tämä vain voi`},
	Hungarian: {hungarian.Stem, `a az azt be csak de egy el én és ez ezt fel hogy ha is ki le maga már meg mert
mi még mint minden nagy nem ők ő s szerint újabb vagy van volt`},
	Romanian: {romanian.Stem, `a acest al ale au ca care ce cea cel cu de din dar după ei el este eu fi fost iar
în la lui mai ne nu o pe pentru prin sa se sau său și sunt un unei unui`},
	Russian: {russian.Stem, `а без был была было в вы да для до его её если же
за и из или их к как ко кто мы на не него но о об он она они от по
при с со так то у что это этот я`},
	Turkish: {turkish.Stem, `ama bir biz bu çok çünkü da daha de en gibi her hem için ile ise ki kim mi mı ne
nasıl o olan olarak sonra şu ve veya ya`},
	Arabic: {arabic.Stem, `في من على إلى الى عن مع أن ان إن لا ما لم هو هي هذا
هذه ذلك تلك التي الذي كان كانت قد كل بعد قبل بين أو او ثم و`},
	Tamil: {tamil.Stem, `இந்த அந்த ஒரு என்று மற்றும் என்ற
என்பது இது அது`},
}

// A languageSet has a bit for each language.
type languageSet uint32

// wordsOf tells for every frequent word whose it is.
var wordsOf = func() map[string]languageSet {
	all := map[string]languageSet{}
	for lang := range languages {
		for w := range strings.FieldsSeq(tongues[lang].words) {
			all[w] |= 1 << lang
			all[normalise(w)] |= 1 << lang
		}
	}
	return all
}()

// scripts are those that one of the languages has to itself, or nearly so.
var scripts = []struct {
	letters *unicode.RangeTable
	lang    Language
}{
	{unicode.Cyrillic, Russian},
	{unicode.Arabic, Arabic},
	{unicode.Tamil, Tamil},
}

// isStop reports whether a word in lower case is a stop word.
func isStop(lang Language, word string) bool { return wordsOf[word]&(1<<lang) != 0 }

// stemOf returns the stem of a word in lower case. Codes have none.
func stemOf(lang Language, word string) string {
	stem := tongues[lang].stem
	if stem == nil || strings.ContainsAny(word, "0123456789") {
		return word
	}
	env := snowballstem.NewEnv(word)
	stem(env)
	return env.Current()
}

const (
	// detectWords is how many words of a text are looked at.
	detectWords = 150
	// enoughVotes is how many frequent words settle a tie between languages that
	// share most of theirs, such as Danish and Norwegian.
	enoughVotes = 3
)

// Detect tells a text's language by its frequent words, or else by its script. A
// text that has neither, or is in a language without stems, is Unknown.
func Detect(text string) Language {
	var votes [languages]int
	words := 0
	for w := range strings.FieldsFuncSeq(text, notLetter) {
		if words++; words > detectWords {
			break
		}
		of, ok := wordsOf[w]
		if !ok {
			of = wordsOf[strings.ToLower(w)]
		}
		for ; of != 0; of &= of - 1 {
			votes[bits.TrailingZeros32(uint32(of))]++
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
	if n := votes[best]; n >= 2 && n > second || n >= enoughVotes {
		return best
	}
	return byScript(text)
}

// notLetter separates words. Marks belong to letters, as vowels do in Tamil.
func notLetter(r rune) bool {
	if r < utf8.RuneSelf {
		return r < 'A' || 'Z' < r && r < 'a' || 'z' < r
	}
	return !unicode.IsLetter(r) && !unicode.IsMark(r)
}

// byScript tells the language of the text's first letter, if its script does.
func byScript(text string) Language {
	i := strings.IndexFunc(text, unicode.IsLetter)
	if i < 0 || text[i] < utf8.RuneSelf {
		return Unknown
	}
	r, _ := utf8.DecodeRuneInString(text[i:])
	for _, s := range scripts {
		if unicode.Is(s.letters, r) {
			return s.lang
		}
	}
	return Unknown
}
