package chaos

import (
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// A mode is what a network does with what goes through it.
type mode int

const (
	passing mode = iota
	// cut breaks connections and refuses new ones.
	cut
	// stalled holds everything back until it passes again.
	stalled
	// slow lets each packet wait.
	slow
	// halfOpen loses what the database answers, for ever, on the connections that there
	// are: nobody is told. New ones are not answered.
	halfOpen
)

const slowBy = 15 * time.Millisecond

// A proxy is the network between a node and its database.
type proxy struct {
	listener net.Listener
	target   string

	mu      sync.Mutex // guards the rest
	mode    mode
	changed chan struct{} // closed at each change
	lines   []*line
	done    sync.WaitGroup
}

// A line is one connection through the proxy.
type line struct {
	near, far net.Conn
	lost      bool // what the database says does not arrive, ever again
}

// between returns a proxy before a database and the URL that goes through it.
func between(t *testing.T, url string) (*proxy, string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(url, "@")
	target, _, _ := strings.Cut(rest, "/")
	p := &proxy{listener: l, target: target, changed: make(chan struct{})}
	p.done.Go(p.accept)
	t.Cleanup(func() {
		_ = l.Close()
		p.be(cut)
		p.done.Wait()
	})
	return p, strings.Replace(url, target, l.Addr().String(), 1)
}

// be changes the network.
func (p *proxy) be(m mode) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mode = m
	for _, l := range p.lines {
		switch m {
		case cut:
			l.close()
		case halfOpen:
			l.lost = true
		default:
		}
	}
	close(p.changed)
	p.changed = make(chan struct{})
}

func (l *line) close() {
	_ = l.near.Close()
	_ = l.far.Close()
}

func (p *proxy) accept() {
	for {
		near, err := p.listener.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", p.target)
		if err != nil {
			_ = near.Close()
			continue
		}
		l := &line{near: near, far: far}
		p.mu.Lock()
		switch p.mode {
		case cut:
			l.close()
		case halfOpen:
			l.lost = true
		default:
		}
		p.lines = append(p.lines, l)
		p.mu.Unlock()
		p.done.Go(func() { p.copy(l, far, near, false) })
		p.done.Go(func() { p.copy(l, near, far, true) })
	}
}

// copy carries bytes one way.
func (p *proxy) copy(l *line, to io.Writer, from io.Reader, answers bool) {
	defer func() {
		l.close()
		p.mu.Lock()
		defer p.mu.Unlock()
		p.lines = slices.DeleteFunc(p.lines, func(other *line) bool { return other == l })
	}()
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 && p.admit(l, answers) {
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// admit waits until bytes may pass, and reports whether they are not lost.
func (p *proxy) admit(l *line, answers bool) bool {
	for {
		p.mu.Lock()
		m, changed, lost := p.mode, p.changed, l.lost && answers
		p.mu.Unlock()
		switch {
		case lost:
			return false
		case m == slow:
			rest(slowBy)
			return true
		case m == stalled:
			<-changed
		default:
			return true
		}
	}
}
