package flat_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sync/errgroup"

	"kvasir/internal/account"
	"kvasir/internal/index"
	"kvasir/internal/index/flat"
	"kvasir/internal/index/indextest"
	"kvasir/internal/memo"
)

const project = account.ProjectID("p")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestConformance(t *testing.T) {
	t.Parallel()
	indextest.Run(t, func(_ *testing.T, source index.Source, model string) indextest.Index {
		return flat.New(source, &flat.Options{Model: model})
	})
}

func within(filters ...memo.Filter) memo.Selection {
	return memo.Selection{Project: project, Filters: filters, Now: time.Now()}
}

func found(t *testing.T, ix *flat.Index, in memo.Selection, text string, limit int) []memo.Hit {
	t.Helper()
	hits, err := ix.Lexical(t.Context(), in, text, limit)
	if err != nil {
		t.Fatal(err)
	}
	return hits
}

func TestPartsAreDroppedAndBuiltAgain(t *testing.T) {
	t.Parallel()
	s := indextest.NewSource(nil)
	for p := range 4 {
		for i := range 20 {
			s.Put(account.ProjectID(fmt.Sprint("p", p)), indextest.Memo(fmt.Sprint("a", i), "heron duck ship"))
		}
	}
	search := func(ix *flat.Index) {
		for range 3 {
			for p := range 4 {
				in := memo.Selection{Project: account.ProjectID(fmt.Sprint("p", p)), Now: time.Now()}
				if got := found(t, ix, in, "heron", 100); len(got) != 20 {
					t.Fatalf("project %d found %v", p, got)
				}
			}
		}
	}
	search(flat.New(s, nil))
	roomy := s.Calls()
	search(flat.New(s, &flat.Options{Bytes: 1}))
	if tight := s.Calls() - roomy; tight != 3*roomy {
		t.Errorf("%d pages were pulled with room for all, %d with room for one: want three times as many", roomy, tight)
	}
}

// brittle fails to give changes a few times.
type brittle struct {
	*indextest.Source
	fail map[int]bool // by number of the call
	call int
}

var errBrittle = errors.New("disk is gone")

func (b *brittle) Changes(
	ctx context.Context, p account.ProjectID, model string, after int64, limit int,
) ([]memo.Change, error) {
	b.call++
	if b.fail[b.call] {
		return nil, errBrittle
	}
	return b.Source.Changes(ctx, p, model, after, limit)
}

func TestWhatWasReadBeforeAnErrorIsKept(t *testing.T) {
	t.Parallel()
	s := &brittle{Source: indextest.NewSource(nil), fail: map[int]bool{1: true, 4: true}}
	for i := range 500 {
		s.Put(project, indextest.Memo(fmt.Sprint("m", i), "heron"))
	}
	ix := flat.New(s, nil)
	for range 2 {
		if hits, err := ix.Lexical(t.Context(), within(), "heron", 10); !errors.Is(err, errBrittle) {
			t.Errorf("the source fails, but the search gives %v, %v", hits, err)
		}
	}
	before := s.Calls()
	if got := found(t, ix, within(), "heron", 1000); len(got) != 500 {
		t.Errorf("after the errors %d of 500 are found", len(got))
	}
	rest := s.Calls() - before
	found(t, flat.New(s, nil), within(), "heron", 1)
	if all := s.Calls() - before - rest; rest >= all {
		t.Errorf("%d pages were pulled after an error, and %d at once", rest, all)
	}
}

// TestManyDocuments fills several segments, replaces most of them, and finds each
// document as often as it should.
func TestManyDocuments(t *testing.T) {
	t.Parallel()
	s := indextest.NewSource(nil)
	make1000 := func(i, chunks int, word string) []memo.Change {
		var out []memo.Change
		for j := range 1000 {
			var texts []string
			for k := range chunks {
				texts = append(texts, fmt.Sprintf("%s all%dx", word, k))
			}
			out = append(out, indextest.Memo(fmt.Sprintf("m%d", 1000*i+j), texts...))
		}
		return out
	}
	for i := range 10 {
		s.Put(project, make1000(i, 4, fmt.Sprintf("heron part%dx", i))...)
	}
	ix := flat.New(s, nil)
	count := func(text string, want int) {
		t.Helper()
		if got := found(t, ix, within(), text, 100_000); len(got) != want {
			t.Errorf("%q is in %d documents, want %d", text, len(got), want)
		}
	}
	count("heron", 40_000)
	count("part3x", 4000)
	count("all2x", 10_000)
	for i := range 8 {
		s.Put(project, make1000(i, 1, "duck")...)
		count("heron", 40_000-4000*(i+1))
		count("duck", 1000*(i+1))
	}
	count("part9x", 4000)
	count("all0x", 10_000)
	count("all3x", 2000)
}

// TestALoadHoldsUpNobodyElse searches a project while another one's changes do
// not come.
func TestALoadHoldsUpNobodyElse(t *testing.T) {
	t.Parallel()
	s := &slow{Source: indextest.NewSource(nil), of: "large", asked: make(chan struct{}), open: make(chan struct{})}
	s.Put("large", indextest.Memo("a", "heron"))
	s.Put(project, indextest.Memo("b", "heron"))
	ix := flat.New(s, &flat.Options{Bytes: 1})
	large := memo.Selection{Project: "large", Now: time.Now()}
	var g errgroup.Group
	g.Go(func() error {
		hits, err := ix.Lexical(t.Context(), large, "heron", 5)
		if err == nil && len(hits) != 1 {
			err = fmt.Errorf("the large project found %v", hits)
		}
		return err
	})
	<-s.asked
	for i := range 3 {
		if got := found(t, ix, within(), "heron", 5); len(got) != 1+i {
			t.Errorf("during another's load %v are found", got)
		}
		s.Put(project, indextest.Memo(fmt.Sprint("more", i), "heron"))
	}
	impatient, giveUp := context.WithCancel(t.Context())
	giveUp()
	if hits, err := ix.Lexical(impatient, large, "heron", 5); !errors.Is(err, context.Canceled) {
		t.Errorf("who waits for the load and gives up gets %v, %v", hits, err)
	}
	close(s.open)
	if err := g.Wait(); err != nil {
		t.Error(err)
	}
}

// slow gives the changes of one project when it is told to.
type slow struct {
	*indextest.Source
	of    account.ProjectID
	asked chan struct{}
	open  chan struct{}
	once  sync.Once
}

func (s *slow) Changes(
	ctx context.Context, p account.ProjectID, model string, after int64, limit int,
) ([]memo.Change, error) {
	if p == s.of {
		s.once.Do(func() { close(s.asked) })
		<-s.open
	}
	return s.Source.Changes(ctx, p, model, after, limit)
}
