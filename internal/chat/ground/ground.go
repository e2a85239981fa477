// Package ground checks an answer against the passages it was made from, claim by claim.
//
// An answer is cut into claims, its sentences; each is held against the passages that
// it cites. Words decide first: numbers, names and telling words must stand in a few
// sentences of a passage, near each other; a number or a name that nowhere stands, a
// number of something else or a negation too many is a contradiction. Where words leave
// it open, vectors of the claim and of the best sentences do. What is not borne out
// becomes a flag. What is borne out becomes a citation of just those sentences.
//
// This is no proof: it finds claims that passages do not speak for, not every claim
// that is wrong.
package ground

import (
	"cmp"
	"context"
	"hash/maphash"
	"slices"
	"strings"
	"sync"

	"kvasir/internal/conversation"
	"kvasir/internal/lexical"
	"kvasir/internal/llm"
	"kvasir/internal/memo"
	"kvasir/internal/rank"
)

// An Embed returns a vector for each text, or an error where there is no model.
type Embed func(ctx context.Context, texts []string) ([]llm.Vector, error)

// An Answer is what is checked.
type Answer struct {
	Question string
	Text     string
	Passages []memo.Passage // by their numbers, from 1
	Cites    bool           // it was to cite
}

// A Report is what came of it.
type Report struct {
	Citations []conversation.Citation // by first mention, each number once
	Flags     []conversation.Flag     // by their place in the answer
}

// A check is that of one answer.
type check struct {
	Answer
	embed    Embed
	read     []*evidence // of each passage, nil until it is needed
	capitals bool        // words with capitals are names
	asked    map[lexical.Language]*question
	claims   []claim
	analyzer *lexical.Analyzer
	seed     maphash.Seed // of keys
	plain    []string     // the passages in small letters; see maySay
}

// A Checker checks answers. It remembers words, and is safe for concurrent use.
type Checker struct {
	analyzers sync.Pool // of *lexical.Analyzer
}

// New returns a checker.
func New() *Checker {
	return &Checker{analyzers: sync.Pool{New: func() any { return new(lexical.Analyzer) }}}
}

// Check checks an answer. Without embed, nil, or if it fails, words decide alone.
func (k *Checker) Check(ctx context.Context, a Answer, embed Embed) Report {
	analyzer := k.analyzers.Get().(*lexical.Analyzer)
	defer k.analyzers.Put(analyzer)
	c := &check{
		Answer: a, embed: embed, read: make([]*evidence, len(a.Passages)),
		capitals: !manyCapitals(a.Text), asked: map[lexical.Language]*question{}, claims: claims(a.Text),
		analyzer: analyzer, seed: maphash.MakeSeed(),
	}
	var report Report
	var cited ranges
	for i := range c.claims {
		if flag := c.claim(ctx, &c.claims[i], &cited); flag != nil {
			report.Flags = append(report.Flags, *flag)
		}
	}
	for _, r := range cited {
		report.Citations = append(report.Citations, c.citation(r))
	}
	return report
}

// claim judges one claim and notes what it cites.
func (c *check) claim(ctx context.Context, x *claim, cited *ranges) *conversation.Flag {
	var numbers []int // those that there are
	missing := false
	for _, n := range x.numbers {
		if n < 1 || n > len(c.Passages) {
			missing = true
			continue
		}
		numbers = append(numbers, n)
	}
	v := c.judge(ctx, x, numbers)
	for i, n := range numbers {
		cited.note(n, v.windows[i], v.support)
	}
	switch {
	case missing:
		return c.flag(x, conversation.FlagNoPassage)
	case v.fine:
		return nil
	case c.Cites && len(x.numbers) == 0:
		return c.flag(x, conversation.FlagUncited)
	}
	return c.flag(x, conversation.FlagUnsupported)
}

func (c *check) flag(x *claim, reason conversation.FlagReason) *conversation.Flag {
	return &conversation.Flag{
		Start: x.start, End: x.end, Text: c.Text[x.start:x.end], Reason: reason, Numbers: x.numbers,
	}
}

// A verdict is what was found out about a claim.
type verdict struct {
	fine    bool
	support float64   // 0 to 1
	windows []*window // the best of each passage that it cites; nil where there is none
}

// judge judges a claim by the passages of some numbers, or, if it names none, by each
// passage there is.
func (c *check) judge(ctx context.Context, x *claim, numbers []int) verdict {
	if len(numbers) > 0 {
		return c.weigh(ctx, x, numbers)
	}
	x.tokens = c.readAs(x, x.lang, c.capitals)
	if len(x.numbers) > 0 || !x.judged() || c.modest(x) {
		return verdict{fine: true}
	}
	var best verdict
	var some []int
	for n := range c.Passages {
		if !c.maySay(n, x) {
			continue
		}
		v := c.weigh(ctx, x, []int{n + 1})
		if v.fine {
			return v
		}
		if some = append(some, n+1); v.support > best.support {
			best = v
		}
	}
	if all := c.weigh(ctx, x, some); all.fine && all.support >= enough {
		return all
	}
	return best
}

// maySay reports whether a passage may bear out a claim: it has a part of its words, in
// whatever form. It is a quick look, so that most passages need not be read.
func (c *check) maySay(n int, x *claim) bool {
	if c.plain == nil {
		c.plain = make([]string, len(c.Passages))
	}
	if c.plain[n] == "" {
		p := &c.Passages[n]
		c.plain[n] = " " + strings.ToLower(memo.PassageText(p.Title, &p.Chunk))
	}
	r := newReading(c.readAs(x, x.lang, c.capitals), c.askedIn(x.lang))
	return r.share(func(t *token) bool { return t.root == "" || strings.Contains(c.plain[n], t.root) }) >= little/2
}

// modest reports whether a claim only says that something is not known: it denies, and
// has neither numbers nor names of its own.
func (c *check) modest(x *claim) bool {
	asked := c.askedIn(x.lang)
	return x.denies() && !slices.ContainsFunc(x.tokens, func(t token) bool {
		return (t.kind == number || t.kind == name) && !has(asked.keys, &t)
	})
}

// weigh holds a claim against some passages together. It is read in the language of the
// first.
func (c *check) weigh(ctx context.Context, x *claim, numbers []int) verdict {
	v := verdict{windows: make([]*window, len(numbers))}
	if len(numbers) == 0 {
		return v
	}
	first := c.evidence(numbers[0])
	x.tokens = c.tokens(x, first)
	r := newReading(x.tokens, c.askedIn(first.lang))
	var windows []*window
	for i, n := range numbers {
		if v.windows[i] = r.best(c.evidence(n)); v.windows[i] != nil {
			windows = append(windows, v.windows[i])
		}
	}
	if !x.judged() {
		v.fine, v.support = true, 1
		return v
	}
	if len(windows) == 0 {
		return v
	}
	if foreign(x.lang, windows[0].lang()) {
		return c.translated(ctx, x, windows, v)
	}
	v.support = r.share(func(t *token) bool {
		return slices.ContainsFunc(windows, func(w *window) bool { return w.has(t) })
	})
	switch {
	case r.contradicted(windows):
		v.support = min(v.support, little)
	case v.support >= r.enough() || r.answers(windows) || r.framed(windows):
		v.fine = true
	case v.support >= little:
		likeness, ok := c.likeness(ctx, x.text, windows)
		v.fine = ok && likeness >= meant
	}
	return v
}

// foreign reports whether a claim is in another language than a passage, as far as
// both are known.
func foreign(a, b lexical.Language) bool {
	return a != b && a != lexical.Unknown && b != lexical.Unknown
}

// translated judges a claim whose passages are in another language: what is the same in
// both are numbers and, mostly, names.
func (c *check) translated(ctx context.Context, x *claim, windows []*window, v verdict) verdict {
	total, found := 0.0, 0.0
	for i := range x.tokens {
		t := &x.tokens[i]
		if t.kind != number && t.kind != name {
			continue
		}
		total++
		if slices.ContainsFunc(windows, func(w *window) bool { return w.says(t) || w.resembles(t) }) {
			found++
		} else if t.kind == number && !isSmall(t.key) {
			return v // wrong in any language
		}
	}
	if total > 0 {
		v.support = found / total
		v.fine = v.support >= 0.5
		return v
	}
	likeness, ok := c.likeness(ctx, x.text, windows)
	v.fine, v.support = !ok || likeness >= little, likeness
	return v
}

// likeness returns how much more a claim is like the nearest of the windows than like
// other passages, from 0 to 1; not ok if that cannot be told.
func (c *check) likeness(ctx context.Context, text string, windows []*window) (best float64, ok bool) {
	const others = 3
	if c.embed == nil {
		return 0, false
	}
	texts := []string{text}
	for _, w := range windows {
		texts = append(texts, w.text())
	}
	for i := range c.Passages {
		if p := &c.Passages[i]; len(texts) <= len(windows)+others &&
			!slices.ContainsFunc(windows, func(w *window) bool { return w.passage == p }) {
			texts = append(texts, p.Content)
		}
	}
	vectors, err := c.embed(ctx, texts)
	if err != nil {
		c.embed = nil // one failure is enough
		return 0, false
	}
	claimed, usual := rank.Unit(vectors[0]), 1.0
	for i, v := range vectors[1:] {
		cosine := rank.Dot(claimed, rank.Unit(v))
		if i < len(windows) {
			best = max(best, cosine)
		} else {
			usual = min(usual, cosine)
		}
	}
	if len(texts) == len(windows)+1 {
		usual = 0
	}
	return max(rank.Likeness(best, usual), 0), true
}

// tokens reads a claim as a passage is read. What is a name is told by the passage, which
// has more words, unless it is in another language.
func (c *check) tokens(x *claim, e *evidence) []token {
	if foreign(x.lang, e.lang) {
		return c.readAs(x, e.lang, c.capitals)
	}
	return c.readAs(x, e.lang, e.capitals)
}

func (c *check) tokenizer(lang lexical.Language, capitals bool) *tokenizer {
	return &tokenizer{analyzer: c.analyzer, seed: c.seed, lang: lang, capitals: capitals}
}

// A manner is how a claim is read.
type manner struct {
	lang     lexical.Language
	capitals bool
}

// readAs reads a claim, in each manner once.
func (c *check) readAs(x *claim, lang lexical.Language, capitals bool) []token {
	m := manner{lang, capitals}
	if tokens, ok := x.read[m]; ok {
		return tokens
	}
	if x.read == nil {
		x.read = map[manner][]token{}
	}
	x.read[m] = c.tokenizer(lang, capitals).tokens(x.text)
	return x.read[m]
}

func (c *check) askedIn(lang lexical.Language) *question {
	if c.asked[lang] == nil {
		c.asked[lang] = newQuestion(c.tokenizer(lang, false).tokens(c.Question))
	}
	return c.asked[lang]
}

func (c *check) evidence(n int) *evidence {
	if c.read[n-1] == nil {
		c.read[n-1] = c.readPassage(&c.Passages[n-1])
	}
	return c.read[n-1]
}

// ranges are the cited ones, by first mention.
type ranges []cited

// cited is what is cited of a passage: bytes of its content; nothing of it if end is 0.
type cited struct {
	number     int
	start, end int
	support    float64
}

// note adds what a claim cites of a passage. Several claims cite it from the first of
// their sentences to the last.
func (r *ranges) note(n int, w *window, support float64) {
	i := slices.IndexFunc(*r, func(c cited) bool { return c.number == n })
	if i < 0 {
		i = len(*r)
		*r = append(*r, cited{number: n})
	}
	c := &(*r)[i]
	if w == nil {
		return
	}
	start, end := w.bounds()
	if c.end == 0 {
		c.start, c.end, c.support = start, end, support
		return
	}
	c.start, c.end, c.support = min(c.start, start), max(c.end, end), min(c.support, support)
}

// citation makes a citation of what is cited; of the whole passage if it has no
// sentences.
func (c *check) citation(r cited) conversation.Citation {
	p := &c.Passages[r.number-1]
	r.end = cmp.Or(r.end, len(p.Content))
	return conversation.Citation{
		Number: r.number, Memo: p.Memo, MemoTitle: p.Title, Chunk: p.ID,
		Start: p.Start + r.start, End: p.Start + r.end, Text: p.Content[r.start:r.end], Page: p.Page, Support: r.support,
	}
}
