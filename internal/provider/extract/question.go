package extract

import (
	"math"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"kvasir/internal/lexical"
)

// asking are words of questions that answers seldom have.
const asking = `what which who whom whose when where why how do does did can could should would may might must
shall has have had i me my we us our you your he she his her its am been being about there any some many much get
gets tell explain describe list show give find happen happens mean means work works use used using one ones way
long often far old big large
warum weshalb wovon woran womit wofür wodurch worin welche welcher welches welchem welchen wieviel viel viele wann
woher wohin kann können soll darf gibt gab wessen wem wen
pourquoi comment quand combien quels quelles quelle peut por qué cuándo cuánto cuántos dónde puede quién perché
quanto quanti quando dove chi porque onde quantos pode`

// askingUnspaced are such words, and particles, of languages without spaces. They
// part the words that matter, of which the analyser makes pairs of characters.
const askingUnspaced = `什么 甚么 哪些 哪个 哪里 哪一 哪种 哪 谁 多少 几个 几
何时 何地 何种 如何 怎么 怎样 为什么 为何 吗 呢 是否
是 的 了 在 和 与 于 被 把 有 以 中 对 这 那 该 个 名 位 它 他 她 们 都 也 及 或
就 而 从 到 由 用 上 下
何 誰 どこ いつ なぜ どう どの どれ ですか ますか です ます は が を に の で と も か`

// A kind is what a question is after.
type kind int

const (
	anything   kind = iota
	number          // a number or a date
	procedure       // how something is done
	definition      // what something is
)

// kinds tell a question's kind, the first that fits.
var kinds = []struct {
	kind kind
	of   *regexp.Regexp
}{
	{number, regexp.MustCompile(`\bhow (many|much|long|often|far|old|big|large|fast|high)\b|\bwhen\b|` +
		`\b(what|which) year\b|\bwie (viele?|oft|lange|alt|hoch|groß|schnell)\b|\bwieviele?\b|\bwann\b|` +
		`\bcombien\b|\bquand\b|\bcuánt|\bcuándo\b|\bquant[oaie]\b|\bquando\b|` +
		`多少|几|幾|何时|哪年|哪一年|何年|什么时候|いくつ|いつ`)},
	{procedure, regexp.MustCompile(`\bhow (do|can|should|to|would|could)\b|\bcómo\b|\bcome si\b|\bcomo\b|` +
		`\bwie (kann|muss|soll|geht|macht|mache)\b|\bcomment\b|如何|怎么|怎样|どうやって`)},
	{definition, regexp.MustCompile(`^\W*(what|who) (is|are|was|were)\b|^\W*(was|wer) (ist|sind|war|waren)\b|` +
		`\bqu'est-ce que?\b|\bqué es\b|\bche cos'è\b|\bo que é\b|是什么|是谁|とは`)},
}

// A question is what an answer is measured by.
type question struct {
	kind  kind
	terms []wanted
}

// A wanted term is one that an answer would have.
type wanted struct {
	text   string
	name   bool     // it is written as a name: no other word stands for it
	weight float64  // its share of the question; all together are 1
	kin    []string // terms of the passages that are likely forms or parts of it
	like   float64  // what one of these counts
}

// ask reads a question.
func ask(analyzer *lexical.Analyzer, text string, lang lexical.Language) question {
	var q question
	lower := strings.ToLower(text)
	for _, k := range kinds {
		if k.of.MatchString(lower) {
			q.kind = k.kind
			break
		}
	}
	drop := strings.Fields(asking)
	var kept []string
	for w := range strings.FieldsSeq(text) {
		if !slices.Contains(drop, strings.ToLower(strings.TrimFunc(w, unicode.IsPunct))) {
			kept = append(kept, w)
		}
	}
	rest := strings.Join(kept, " ")
	for w := range strings.FieldsSeq(askingUnspaced) {
		rest = strings.ReplaceAll(rest, w, " ")
	}
	terms := slices.Clone(analyzer.Terms(rest, lang))
	slices.Sort(terms)
	names := setOf(analyzer.Terms(namesIn(text, lang), lang))
	for _, t := range slices.Compact(terms) {
		q.terms = append(q.terms, wanted{text: t, name: names[t]})
	}
	return q
}

// namesIn returns the words of a question that are written as names or codes: with
// a capital though not the first, or with a digit. In German all nouns have one.
func namesIn(text string, lang lexical.Language) string {
	var names []string
	for i, w := range strings.Fields(text) {
		w = strings.TrimFunc(w, unicode.IsPunct)
		first, _ := utf8.DecodeRuneInString(w)
		if strings.ContainsFunc(w, func(r rune) bool { return r >= 0x2e80 }) {
			continue // no words stand apart here
		}
		if strings.ContainsAny(w, "0123456789_") || i > 0 && lang != lexical.German && unicode.IsUpper(first) {
			names = append(names, w)
		}
	}
	return strings.Join(names, " ")
}

// weigh gives each term its share of the question, by how rare it is among the
// units: log(1 + (N - n + 0.5) / (n + 0.5)), as in BM25. One that is nowhere may
// be another word for what is there, and counts less; a name may not.
func (q *question) weigh(all []candidate) {
	vocabulary := map[string]bool{}
	for _, c := range all {
		for t := range c.terms {
			vocabulary[t] = true
		}
	}
	var sum float64
	for i := range q.terms {
		w := &q.terms[i]
		w.like = kinWeight
		if !alphabetic(w.text) {
			w.like = pairWeight
		}
		for t := range vocabulary {
			if kindred(w.text, t) {
				w.kin = append(w.kin, t)
			}
		}
		n := 0.0
		for _, c := range all {
			if c.terms[w.text] || c.about[w.text] {
				n++
			}
		}
		w.weight = math.Log(1 + (float64(len(all))-n+0.5)/(n+0.5))
		switch {
		case n == 0 && w.name:
			w.weight *= unseenName
		case n == 0:
			w.weight *= unseenWeight
		}
		sum += w.weight
	}
	for i := range q.terms {
		q.terms[i].weight /= sum
	}
}

// kinLength is the bytes that kindred words share at least.
const kinLength = 5

// kindred reports whether two different terms are likely forms or parts of one
// word, as in languages that make words of words: one begins or ends the other, or
// most of both is the same beginning. Pairs of characters, which may be parts of
// two words, are if they share one.
func kindred(a, b string) bool {
	if pairs(a, b) {
		return a != b && strings.ContainsAny(a, b)
	}
	if a == b || min(len(a), len(b)) < kinLength || !alphabetic(a) || !alphabetic(b) {
		return false
	}
	if len(a) < len(b) {
		a, b = b, a
	}
	if strings.HasPrefix(a, b) || strings.HasSuffix(a, b) {
		return true
	}
	same := 0
	for same < len(b) && a[same] == b[same] {
		same++
	}
	return same >= kinLength && 10*same >= 7*len(a)
}

// pairs reports whether both terms are pairs of characters.
func pairs(a, b string) bool {
	return utf8.RuneCountInString(a) == 2 && utf8.RuneCountInString(b) == 2 && a[0] >= 0xe2 && b[0] >= 0xe2
}

// alphabetic reports whether a term is a word of an alphabet, not a number, a code
// or a pair of characters.
func alphabetic(term string) bool {
	r, _ := utf8.DecodeRuneInString(term)
	return unicode.IsLetter(r) && r < 0x2e80 && !strings.ContainsAny(term, "0123456789")
}
