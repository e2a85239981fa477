package chaos

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"kvasir/client"
)

// A ledger is what the server has said yes to.
type ledger struct {
	mu    sync.Mutex // guards the rest
	memos map[string]*account
	chats []chatted
	yes   int // writes that were acknowledged
	lost  int // whose answer never came, or was no
	asked int // counts questions, of which no two are the same
}

// An account is what may be in the place of one reference id. Only one worker
// writes there, one write after the other.
type account struct {
	reference string
	versions  int
	may       []string // texts; the empty one means no memo
	file      bool     // it is a document
}

// A chatted answer was told to its end.
type chatted struct{ id, question, answer string }

func newLedger() *ledger { return &ledger{memos: map[string]*account{}} }

// open makes a place for a memo.
func (l *ledger) open(reference string, file bool) *account {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := &account{reference: reference, may: []string{""}, file: file}
	l.memos[reference] = a
	return a
}

// note writes down what a write of text has come to.
func (l *ledger) note(a *account, text string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.lost++
		a.may = append(a.may, text) // it may have happened
		return
	}
	l.yes++
	a.may = []string{text}
}

// sure returns the text that is there for sure; false if one cannot know.
func (l *ledger) sure(a *account) (string, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return a.may[0], len(a.may) == 1
}

// next returns a text that was never there before. Each sentence of it is of this
// version alone.
func (a *account) next() string {
	a.versions++
	var text strings.Builder
	mark := a.mark()
	for i := range 45 {
		fmt.Fprintf(&text, "Sentence %d of %s tells of ducks, ponds and the seeds that grow around them. ", i, mark)
	}
	if a.file { // what is read from a file ends its last line
		return strings.TrimSpace(text.String()) + "\n"
	}
	return strings.TrimSpace(text.String())
}

// mark is a word of the latest version.
func (a *account) mark() string { return fmt.Sprintf("%sv%dx", a.reference, a.versions) }

// A crowd is workers who write and ask until they are told to stop.
type crowd struct {
	*ledger
	nodes  []*node
	within time.Duration // the longest that any answer may take; 0 for no bound
	files  bool          // some memos are files: the nodes have one folder

	mu   sync.Mutex // guards slow
	slow []string   // what took longer
	stop context.CancelFunc
	done sync.WaitGroup
}

// send sends workers to the nodes, who write into the ledger what comes of it, and
// complain when an answer takes longer than it may; 0 is no bound.
func send(t *testing.T, l *ledger, workers int, within time.Duration, nodes ...*node) *crowd {
	t.Helper()
	return sendCrowd(t, &crowd{ledger: l, nodes: nodes, within: within, files: true}, workers)
}

// sendWriters sends workers without files to nodes that share none.
func sendWriters(t *testing.T, l *ledger, workers int, nodes ...*node) *crowd {
	t.Helper()
	return sendCrowd(t, &crowd{ledger: l, nodes: nodes}, workers)
}

func sendCrowd(t *testing.T, c *crowd, workers int) *crowd {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	c.stop = stop
	for i := range workers {
		c.done.Go(func() { c.work(ctx, t.Context(), i) })
	}
	t.Cleanup(c.home)
	return c
}

// home calls the workers home, after the writes that they are at.
func (c *crowd) home() {
	c.stop()
	c.done.Wait()
}

// work makes one write after the other. A stop interrupts none.
func (c *crowd) work(until, ctx context.Context, number int) {
	var mine []*account
	for turn := 0; until.Err() == nil; turn++ {
		p, _ := c.nodes[(number+turn)%len(c.nodes)].now()
		if p == nil {
			rest(10 * time.Millisecond)
			continue
		}
		began := time.Now()
		var did string
		var err error
		switch r := rand.IntN(10); {
		case len(mine) < 3 || r < 2:
			file := c.files && r%2 == 1
			a := c.open(fmt.Sprintf("w%dn%dz", number, len(mine)), file)
			mine = append(mine, a)
			did, err = "create", c.create(ctx, p, a)
		case r < 6:
			did, err = "edit", c.edit(ctx, p, mine[rand.IntN(len(mine))])
		case r < 8:
			did, err = "delete", c.remove(ctx, p, mine[rand.IntN(len(mine))])
		default:
			did, err = "ask", c.ask(ctx, p)
		}
		if took := time.Since(began); c.within > 0 && took > c.within {
			c.mu.Lock()
			c.slow = append(c.slow, fmt.Sprintf("%s took %v: %v", did, took, err))
			c.mu.Unlock()
		}
		if err != nil {
			rest(50 * time.Millisecond)
		} else {
			rest(time.Duration(rand.Int64N(int64(40 * time.Millisecond))))
		}
	}
}

// create adds a memo, once.
func (c *crowd) create(ctx context.Context, p *process, a *account) error {
	text := a.next()
	var err error
	options := client.MemoOptions{ReferenceID: a.reference}
	if a.file {
		_, err = p.UploadFile(ctx, client.Upload{
			Name: a.reference + ".txt", Title: a.reference, Body: strings.NewReader(text), MemoOptions: options,
		})
	} else {
		_, err = p.CreateMemo(ctx, client.NewMemo{Title: a.reference, Content: text, MemoOptions: options})
	}
	c.note(a, text, err)
	return err
}

// edit replaces a memo's text, whether it is there or not.
func (c *crowd) edit(ctx context.Context, p *process, a *account) error {
	there, sure := c.sure(a)
	text := a.next()
	var err error
	options := client.MemoOptions{ReferenceID: a.reference}
	switch {
	case a.file:
		_, err = p.UpsertFile(ctx, client.Upload{
			Name: a.reference + ".txt", Title: a.reference, Body: strings.NewReader(text), MemoOptions: options,
		})
	case sure && there != "":
		err = p.UpdateMemo(ctx, client.ByReference(a.reference), client.MemoPatch{Content: &text})
	default:
		_, err = p.UpsertMemo(ctx, client.NewMemo{Title: a.reference, Content: text, MemoOptions: options})
	}
	c.note(a, text, err)
	return err
}

// remove deletes a memo. That there is none is as good.
func (c *crowd) remove(ctx context.Context, p *process, a *account) error {
	err := p.DeleteMemo(ctx, client.ByReference(a.reference))
	var refused *client.APIError
	if errors.As(err, &refused) && refused.StatusCode == 404 {
		err = nil
		if there, sure := c.sure(a); sure && there != "" {
			err = fmt.Errorf("%s was not there to be deleted", a.reference)
			c.mu.Lock()
			c.slow = append(c.slow, err.Error())
			c.mu.Unlock()
		}
	}
	c.note(a, "", err)
	return err
}

// ask asks a question that nobody has asked before, and keeps a whole answer.
func (c *crowd) ask(ctx context.Context, p *process) error {
	c.ledger.mu.Lock()
	c.asked++
	question := fmt.Sprintf("What do ducks eat at pond number %d?", c.asked)
	c.ledger.mu.Unlock()
	var answer strings.Builder
	id := ""
	for event, err := range p.StreamChat(ctx, client.ChatRequest{Query: question}) {
		if err != nil {
			return err
		}
		answer.WriteString(event.Text)
		if event.Type == client.EventDone {
			id = event.ChatID
		}
	}
	c.ledger.mu.Lock()
	defer c.ledger.mu.Unlock()
	c.chats = append(c.chats, chatted{id, question, answer.String()})
	return nil
}

// complaints are what no client should have seen.
func (c *crowd) complaints(t *testing.T) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.slow {
		t.Error(s)
	}
}
