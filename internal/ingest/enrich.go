package ingest

import (
	"context"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"kvasir/internal/fault"
	"kvasir/internal/llm"
	"kvasir/internal/memo"
)

// enrichAtOnce bounds the requests for one memo on their way at once.
const enrichAtOnce = 8

// A task is one text to be written: an aspect of the memo, or of one of its chunks.
type task struct {
	aspect memo.Aspect
	chunk  int // index; 0 for aspects of the memo
}

// enrich has a model write what is wanted of the memo and is not there yet. Each
// text is stored as it comes. What the model refuses is noted and left out: the
// memo is found without it.
func (w *worker) enrich(ctx context.Context, j *job) error {
	tasks := lackingTexts(j)
	if len(tasks) == 0 {
		return nil
	}
	if err := w.enter(ctx, j, memo.StageEnriching); err != nil {
		return err
	}
	if w.opts.Writer == "" {
		// It was wanted when there was one.
		refused := make([]memo.Enrichment, len(tasks))
		for i, t := range tasks {
			refused[i] = memo.Enrichment{Aspect: t.aspect, Chunk: t.chunk, Error: errNoWriter}
		}
		return w.store.SaveEnrichments(ctx, j.Work, refused)
	}
	j.wrote = true
	for _, win := range windows(j, w.opts.WindowTokens) {
		if err := w.writeWindow(ctx, j, win, tasks); err != nil {
			return err
		}
	}
	return nil
}

// lackingTexts returns what is wanted and not written, aspects of the memo first,
// then chunk by chunk.
func lackingTexts(j *job) []task {
	if len(j.Processing.Enrich) == 0 || len(j.Chunks) == 0 {
		return nil
	}
	have := make(map[task]bool, len(j.Enriched))
	for _, e := range j.Enriched {
		have[task{e.Aspect, e.Chunk}] = !e.Stale
	}
	var of [2][]memo.Aspect
	for _, a := range memo.Aspects() {
		if j.Processing.Wants(a) {
			i := 0
			if a.OfChunks() {
				i = 1
			}
			of[i] = append(of[i], a)
		}
	}
	var tasks []task
	for _, a := range of[0] {
		if t := (task{a, 0}); !have[t] {
			tasks = append(tasks, t)
		}
	}
	for i := range j.Chunks {
		for _, a := range of[1] {
			if t := (task{a, i}); !have[t] {
				tasks = append(tasks, t)
			}
		}
	}
	return tasks
}

// A window is the part of a memo that a model reads to write about its chunks.
type window struct {
	from, to int // indexes of chunks
	text     string
}

// windows cuts a memo between chunks into parts of at most that many tokens. Most
// memos are one. All requests for the chunks of a window begin with its text, which
// a provider that keeps prompts reads once.
func windows(j *job, tokens int) []window {
	var out []window
	from, used := 0, 0
	for i := range j.Chunks {
		n := llm.EstimateTokens(j.Chunks[i].Content)
		if used+n > tokens && i > from {
			out, from, used = append(out, windowOf(j, from, i)), i, 0
		}
		used += n
	}
	return append(out, windowOf(j, from, len(j.Chunks)))
}

func windowOf(j *job, from, to int) window {
	return window{from, to, (*j.Content)[j.Chunks[from].Start:j.Chunks[to-1].End]}
}

// writeWindow does the tasks of a window: one request first, so that the others
// find its prompt kept, then several at once.
func (w *worker) writeWindow(ctx context.Context, j *job, win window, tasks []task) error {
	tasks = slices.DeleteFunc(slices.Clone(tasks), func(t task) bool { return t.chunk < win.from || t.chunk >= win.to })
	if len(tasks) == 0 {
		return nil
	}
	if err := w.do(ctx, j, win, tasks[0]); err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(enrichAtOnce)
	for _, perChunk := range byChunk(tasks[1:]) {
		g.Go(func() error {
			for _, t := range perChunk {
				if err := w.do(ctx, j, win, t); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return g.Wait()
}

// byChunk groups tasks, so that no two at once write to the same chunk.
func byChunk(tasks []task) [][]task {
	var out [][]task
	for _, t := range tasks {
		if n := len(out); n > 0 && out[n-1][0].chunk == t.chunk && t.aspect.OfChunks() == out[n-1][0].aspect.OfChunks() {
			out[n-1] = append(out[n-1], t)
			continue
		}
		out = append(out, []task{t})
	}
	return out
}

// do has one text written and stored. It was paid for, so a run that is cut short
// stores it all the same.
func (w *worker) do(ctx context.Context, j *job, win window, t task) error {
	written := memo.Enrichment{Aspect: t.aspect, Chunk: t.chunk}
	answer, err := w.write(ctx, j, win, t)
	switch {
	case fault.Is(err, fault.Invalid), fault.Is(err, fault.TooLarge):
		written.Error = fault.Message(err)
	case err != nil:
		return err
	default:
		if written.Texts = w.texts(t.aspect, answer); len(written.Texts) == 0 {
			written.Error = "The model wrote nothing"
		}
	}
	switch t.aspect {
	case memo.AspectContext:
		j.Chunks[t.chunk].Context = strings.Join(written.Texts, "\n")
	case memo.AspectQuestions:
		j.Chunks[t.chunk].Questions = written.Texts
	case memo.AspectSummary, memo.AspectTags:
	}
	return w.store.SaveEnrichments(context.WithoutCancel(ctx), j.Work, []memo.Enrichment{written})
}

// write asks the model for one text.
func (w *worker) write(ctx context.Context, j *job, win window, t task) (string, error) {
	call := llm.Call{
		Tenant: string(j.Project), Key: j.Key, Memo: string(j.Memo), Priority: llm.PriorityEnrich,
	}
	var answer strings.Builder
	for ev, err := range w.models.Generate(ctx, call, w.opts.Writer, enrichRequest(j, win, t)) {
		if err != nil {
			return "", err
		}
		answer.WriteString(ev.Text)
		if answer.Len() > maxAnswer {
			break // a model that does not stop
		}
	}
	return answer.String(), nil
}
