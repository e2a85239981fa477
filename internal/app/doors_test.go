package app

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// open serves through doors for so many connections. Requests to /hold are answered
// when the returned channel is closed; holding hears of each.
func openDoors(t *testing.T, most int) (address string, holding chan struct{}, release chan struct{}) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	holding, release = make(chan struct{}), make(chan struct{})
	d := newDoors(l, most, time.Minute)
	srv := &http.Server{
		Handler: d.through(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/hold" {
				holding <- struct{}{}
				<-release
			}
			fmt.Fprint(w, "ok")
		})),
		ConnState: d.state, ConnContext: withConnection,
	}
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(d) }()
	t.Cleanup(func() {
		_ = srv.Close()
		if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
		for { // what Close has closed is off the books when its goroutine ends
			d.mu.Lock()
			open, waiting := d.open, d.waiting.Len()
			d.mu.Unlock()
			if open == 0 && waiting == 0 {
				return
			}
			time.Sleep(time.Millisecond)
		}
	})
	return l.Addr().String(), holding, release
}

// A visitor is a client of one raw connection.
type visitor struct {
	t    *testing.T
	conn net.Conn
	read *bufio.Reader
}

func visit(t *testing.T, address string) *visitor {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(context.Background(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &visitor{t, conn, bufio.NewReader(conn)}
}

func (v *visitor) send(path string) {
	_, _ = fmt.Fprintf(v.conn, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path) // it may be cut off
}

// answered reports whether an answer comes, rather than the end.
func (v *visitor) answered() bool {
	res, err := http.ReadResponse(v.read, nil)
	if err != nil {
		return false
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return err == nil && string(body) == "ok"
}

func (v *visitor) ask(path string) bool {
	v.send(path)
	return v.answered()
}

func TestDoorsCloseOnWhoDoesNothing(t *testing.T) {
	t.Parallel()
	address, holding, release := openDoors(t, 3)
	silent := visit(t, address)
	dribbling := visit(t, address)
	if _, err := io.WriteString(dribbling.conn, "GET / HT"); err != nil {
		t.Fatal(err)
	}
	busy := visit(t, address)
	busy.send("/hold")
	<-holding
	kept := visit(t, address)
	if !kept.ask("/") || silent.answered() {
		t.Error("the silent one does not make room for one who asks")
	}
	if !visit(t, address).ask("/") || dribbling.answered() {
		t.Error("the dribbling one does not make room")
	}
	if !visit(t, address).ask("/") || kept.ask("/") {
		t.Error("a connection without a request does not make room")
	}
	close(release)
	if !busy.answered() || !busy.ask("/") {
		t.Error("the one with a request lost its connection")
	}
}

func TestDoorsCloseWhenAllAreBusy(t *testing.T) {
	t.Parallel()
	address, holding, release := openDoors(t, 2)
	var busy [2]*visitor
	for i := range busy {
		busy[i] = visit(t, address)
		busy[i].send("/hold")
		<-holding
	}
	if visit(t, address).ask("/") {
		t.Error("a third one is let in")
	}
	close(release)
	for _, b := range busy {
		if !b.answered() {
			t.Error("one of two is not answered")
		}
	}
	if !busy[0].ask("/") || !visit(t, address).ask("/") {
		t.Error("there is no room afterwards")
	}
}

// A narrow line takes so many bytes at a time, each time after a while.
type narrow struct {
	net.Conn
	each     int
	every    time.Duration
	deadline time.Time
	took     int
}

func (n *narrow) SetWriteDeadline(at time.Time) error { n.deadline = at; return nil }

func (n *narrow) Write(p []byte) (sent int, err error) {
	for sent < len(p) {
		if n.deadline.Before(time.Now().Add(n.every)) {
			time.Sleep(time.Until(n.deadline))
			return sent, context.DeadlineExceeded
		}
		time.Sleep(n.every)
		sent += min(n.each, len(p)-sent)
	}
	n.took += sent
	return sent, nil
}

func TestASlowReaderGetsItAll(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		line := &narrow{each: 2 << 10, every: time.Second}
		c := &connection{Conn: line, doors: newDoors(nil, 1, 30*time.Second)}
		if n, err := c.Write(make([]byte, 10<<20)); err != nil || n != 10<<20 || line.took != n {
			t.Errorf("%d bytes sent, %v", n, err)
		}
	})
}

func TestWhoDoesNotReadIsCutOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := &connection{Conn: &narrow{each: 1, every: time.Second}, doors: newDoors(nil, 1, 30*time.Second)}
		began := time.Now()
		if n, err := c.Write(make([]byte, 10<<20)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%d bytes sent, %v", n, err)
		}
		if took := time.Since(began); took > 30*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}
