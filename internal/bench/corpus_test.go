package bench

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kvasir/internal/memo"
)

func TestACorpusIsTheSameEachTime(t *testing.T) {
	t.Parallel()
	o := IndexOptions{Chunks: 125, Dimensions: 40, Words: 5, Queries: 3, Filter: 0.5}
	if err := o.check(); err != nil {
		t.Fatal(err)
	}
	read := func(page int) (*corpus, []memo.Change) {
		c := newCorpus(&o)
		var all []memo.Change
		for {
			changes, err := c.Changes(t.Context(), corpusProject, corpusModel, int64(len(all)), page)
			if err != nil {
				t.Fatal(err)
			}
			if len(changes) == 0 {
				return c, all
			}
			all = append(all, changes...)
		}
	}
	one, changes := read(1000)
	two, again := read(4)
	if diff := cmp.Diff(changes, again); diff != "" {
		t.Errorf("read in other pages, the corpus is another:\n%s", diff)
	}
	last := changes[len(changes)-1]
	if latest, err := one.LatestChange(t.Context(), corpusProject); err != nil || latest != last.Seq || len(last.Chunks) != 5 {
		t.Errorf("the last change is %d of %d, with %d chunks, %v", last.Seq, latest, len(last.Chunks), err)
	}
	for i, q := range one.questions {
		if !slices.Equal(q.all, two.questions[i].all) || !slices.Equal(q.marked, two.questions[i].marked) {
			t.Errorf("question %d has other neighbours", i)
		}
		if len(q.all) != neighbours || q.all[0].cosine < q.marked[0].cosine || q.all[0].cosine < q.all[9].cosine {
			t.Errorf("the neighbours of question %d are %v, of the marked %v", i, q.all, q.marked)
		}
	}
}
