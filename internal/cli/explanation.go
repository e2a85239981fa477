package cli

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"kvasir/client"
)

// shownCandidates is how many candidates of a stage are printed.
const shownCandidates = 10

// printExplanation prints what each stage of a search did.
func (s *session) printExplanation(e *client.Explanation) {
	if e == nil {
		return
	}
	s.out.printf("\n%s\n", s.out.bold("How the passages were found"))
	if e.Question != "" {
		s.out.printf("%s\n", wrapped("searched for: "+e.Question, "  ", s.out.width()))
	}
	way := wayOf(e.Stages)
	for i := range e.Stages {
		s.printStage(&e.Stages[i], &way)
	}
}

func (s *session) printStage(stage *client.Stage, way *way) {
	head := "<0.1ms"
	if stage.TookMS >= 0.05 {
		head = latency(stage.TookMS)
	}
	if stage.Total > 0 || len(stage.Dropped) > 0 {
		head += fmt.Sprintf(", %s left", countedOf(stage.Total, "candidate"))
	}
	if len(stage.Dropped) > 0 {
		head += fmt.Sprintf(", %d dropped", len(stage.Dropped))
	}
	s.out.printf("\n%s %s\n", s.out.bold(oneLine(stage.Name)), s.out.dim(head))
	for _, note := range stage.Notes {
		s.out.printf("%s\n", wrapped(note, "  ", s.out.width()))
	}
	if len(stage.Candidates) > 0 {
		for i, line := range way.table(stage).lines(s.out.width() - 2) {
			if i == 0 {
				line = s.out.dim(line)
			}
			s.out.printf("  %s\n", line)
		}
	}
	if more := stage.Total - min(len(stage.Candidates), shownCandidates); more > 0 {
		s.out.printf("  %s\n", s.out.dim(fmt.Sprintf("and %s more", grouped(more))))
	}
	for _, d := range stage.Dropped[:min(shownCandidates, len(stage.Dropped))] {
		text := "dropped " + way.title(d.MemoID) + ": " + way.readable(d.Reason)
		s.out.printf("%s\n", wrapped(text, "  ", s.out.width()))
	}
	if more := len(stage.Dropped) - shownCandidates; more > 0 {
		s.out.printf("  %s\n", s.out.dim(fmt.Sprintf("and %d dropped more", more)))
	}
}

// A way is how candidates go from stage to stage.
type way struct {
	lists  []*client.Stage   // the stages that have candidates, in their order
	titles map[string]string // of memos; a stage knows only some
	names  *strings.Replacer // of chunks, which puts titles in their place
}

// isLookup tells the stages that find candidates, beside each other, from those that
// take them from the stage before.
func isLookup(s *client.Stage) bool { return s.Name == "lexical" || s.Name == "vector" }

func wayOf(stages []client.Stage) way {
	w := way{titles: map[string]string{}}
	for i := range stages {
		if len(stages[i].Candidates) > 0 {
			w.lists = append(w.lists, &stages[i])
		}
		for _, c := range stages[i].Candidates {
			if title := oneLine(c.MemoTitle); title != "" {
				w.titles[c.MemoID] = title
			}
		}
	}
	var names []string
	for _, s := range w.lists {
		for _, c := range s.Candidates {
			if title := w.titles[c.MemoID]; title != "" {
				names = append(names, c.ChunkID, "“"+title+"”")
			}
		}
	}
	w.names = strings.NewReplacer(names...)
	return w
}

// title names a memo, by its id if its title is not known.
func (w *way) title(memo string) string {
	if title := w.titles[memo]; title != "" {
		return title
	}
	return "memo " + oneLine(memo)
}

// readable puts titles in place of the ids of chunks.
func (w *way) readable(text string) string { return w.names.Replace(oneLine(text)) }

// table lists the best candidates of a stage: where each comes from, and where it goes.
func (w *way) table(stage *client.Stage) *table {
	t := &table{columns: []column{
		{head: "#", right: true}, {head: "SCORE", right: true}, {head: "TITLE"}, {head: "FROM"}, {head: "TO"},
	}}
	before, after := w.around(stage)
	if len(before) == 0 {
		t.columns = slices.Delete(t.columns, 3, 4)
	}
	if after == nil {
		t.columns = t.columns[:len(t.columns)-1]
	}
	for i, c := range stage.Candidates[:min(shownCandidates, len(stage.Candidates))] {
		row := []string{strconv.Itoa(i + 1), formatScore(c.Score, stage.Candidates[0].Score), w.title(c.MemoID)}
		if len(before) > 0 {
			row = append(row, from(before, c.ChunkID))
		}
		if after != nil {
			row = append(row, to(after, c.ChunkID))
		}
		t.add(row...)
	}
	return t
}

// around returns the stages that candidates of a stage come from, and the one they go
// to, nil for none.
func (w *way) around(stage *client.Stage) (before []*client.Stage, after *client.Stage) {
	at := slices.Index(w.lists, stage)
	for i, s := range w.lists {
		switch {
		case i > at && !isLookup(s):
			return before, s
		case i >= at || isLookup(stage):
		case isLookup(s):
			before = append(before, s)
		default:
			before = []*client.Stage{s}
		}
	}
	return before, nil
}

// from says which ranks a chunk had.
func from(before []*client.Stage, chunk string) string {
	var ranks []string
	for _, s := range before {
		if rank := rankIn(s, chunk); rank > 0 {
			ranks = append(ranks, fmt.Sprintf("%s %d", oneLine(s.Name), rank))
		}
	}
	if len(ranks) == 0 {
		return "–"
	}
	return strings.Join(ranks, ", ")
}

// to says which rank a chunk has next. A stage tells of its best candidates only.
func to(after *client.Stage, chunk string) string {
	if rank := rankIn(after, chunk); rank > 0 {
		return fmt.Sprintf("%s %d", oneLine(after.Name), rank)
	}
	for _, d := range after.Dropped {
		switch {
		case d.ChunkID != chunk:
		case strings.HasPrefix(d.Reason, "beyond"):
			return "beyond"
		default:
			return "dropped"
		}
	}
	if after.Total <= len(after.Candidates) {
		return "–" // a stage names only some of those that it took out
	}
	return fmt.Sprintf("%s >%d", oneLine(after.Name), len(after.Candidates))
}

// rankIn returns a chunk's rank from 1, 0 for none.
func rankIn(s *client.Stage, chunk string) int {
	return 1 + slices.IndexFunc(s.Candidates, func(c client.Candidate) bool { return c.ChunkID == chunk })
}

// formatScore writes a score with the digits that a list needs whose best is given.
func formatScore(score, best float64) string {
	digits := 3
	if best >= 10 {
		digits = 1
	}
	return strconv.FormatFloat(score, 'f', digits, 64)
}

// printInferred prints the filters that were read from a question.
func (s *session) printInferred(filters []client.Filter) {
	if len(filters) == 0 {
		return
	}
	s.out.printf("\n%s\n", s.out.bold("Read from the question"))
	for _, f := range filters {
		s.out.printf("%s\n", wrapped(f.Field+" "+f.Operator+" "+spelled(f.Value), "  ", s.out.width()))
	}
}

// spelled writes the value of a filter.
func spelled(value any) string {
	list, isList := value.([]any)
	switch {
	case value == nil:
		return "null"
	case !isList:
		return fmt.Sprint(value)
	}
	texts := make([]string, len(list))
	for i, one := range list {
		texts[i] = spelled(one)
	}
	return strings.Join(texts, ", ")
}
