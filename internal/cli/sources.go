package cli

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"kvasir/client"
)

// shownQuote is how much of a citation is printed, in characters.
const shownQuote = 300

// printStep prints a move of an agentic answer, while it is at work.
func (s *session) printStep(step *client.Step) {
	text := fmt.Sprintf("%d. %s %s: %s", step.Number, step.Tool, step.Input, step.Result)
	s.err.printf("%s\n", s.err.dim(ellipsis(oneLine(text), s.err.width())))
}

// printFlags prints the sentences of an answer that are not borne out, and why.
func (s *session) printFlags(flags []client.Flag) {
	if len(flags) == 0 {
		return
	}
	s.out.printf("\n%s\n", s.out.bold("Not borne out"))
	for _, f := range flags {
		for line := range strings.SplitSeq(wrapped(f.Text, "  ", s.out.width()), "\n") {
			s.out.printf("%s\n", s.out.yellow(line))
		}
		s.out.printf("%s\n", wrapped(reasonOf(f), "    ", s.out.width()))
	}
}

// reasonOf says in words why a sentence is flagged.
func reasonOf(f client.Flag) string {
	numbers := make([]string, len(f.Numbers))
	for i, n := range f.Numbers {
		numbers[i] = fmt.Sprintf("[%d]", n)
	}
	cited := strings.Join(numbers, " and ")
	switch {
	case f.Reason == client.FlagUncited:
		return "It names no source."
	case f.Reason == client.FlagNoPassage && cited != "":
		return "There is no source " + cited + "."
	case f.Reason == client.FlagUnsupported && cited != "":
		return cited + " says something else, or less."
	}
	return oneLine(strings.ReplaceAll(f.Reason, "_", " "))
}

// printSources lists what an answer cites, by number: the memo, and the sentences.
func (s *session) printSources(cited []client.Citation) {
	if len(cited) == 0 {
		return
	}
	cited = slices.Clone(cited)
	slices.SortStableFunc(cited, func(a, b client.Citation) int { return a.Number - b.Number })
	s.out.printf("\n%s\n", s.out.bold("Sources"))
	for i, c := range cited {
		if i == 0 || c.Number != cited[i-1].Number {
			s.out.printf("  [%d] %s %s\n", c.Number, oneLine(c.MemoTitle), s.out.dim("("+placeOf(c)+")"))
		}
		if c.Quote != "" {
			s.out.printf("%s\n", wrapped(quoted(c), "      ", s.out.width()))
		}
	}
}

// placeOf says where a citation is. Without the sentences themselves, where they
// begin and end has to do.
func placeOf(c client.Citation) string {
	place := "memo " + c.MemoID
	if c.Quote == "" {
		place += fmt.Sprintf(", bytes %d to %d", c.Start, c.End)
		if c.Page > 0 {
			place += fmt.Sprintf(", page %d", c.Page)
		}
	}
	return place
}

// quoted returns the sentences of a citation, with their page.
func quoted(c client.Citation) string {
	text := oneLine(c.Quote)
	if utf8.RuneCountInString(text) > shownQuote {
		text = ellipsis(text, shownQuote)
	}
	text = "“" + text + "”"
	if c.Page > 0 {
		return fmt.Sprintf("page %d: %s", c.Page, text)
	}
	return text
}

func formatDistance(d float64) string { return strconv.FormatFloat(d, 'f', 3, 64) }
