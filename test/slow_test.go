package test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"kvasir/internal/provider/providertest"
)

// A raw is one connection to a server, over which a test says what it likes.
type raw struct {
	*testing.T
	conn *net.TCPConn
}

func dial(t *testing.T, s *server) *raw {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return &raw{t, conn.(*net.TCPConn)}
}

// send sends something, and fails when it does not leave.
func (c *raw) send(what string) {
	c.Helper()
	if _, err := io.WriteString(c.conn, what); err != nil {
		c.Fatal(err)
	}
}

// dribble sends byte after byte until the connection is gone.
func (c *raw) dribble(what byte) {
	c.Helper()
	for {
		if _, err := c.conn.Write([]byte{what}); err != nil {
			c.gone(err)
			return
		}
		pause(30 * time.Millisecond)
	}
}

// flood sends the same again and again until the connection is gone.
func (c *raw) flood(what string) {
	c.Helper()
	for {
		if _, err := io.WriteString(c.conn, what); err != nil {
			c.gone(err)
			return
		}
	}
}

// gone fails the test if it was its own patience that ended.
func (c *raw) gone(err error) {
	c.Helper()
	if errors.Is(err, os.ErrDeadlineExceeded) {
		c.Error("the connection is kept")
	}
}

// ends reads until the connection ends, and returns what it has said.
func (c *raw) ends() string {
	c.Helper()
	said, err := io.ReadAll(c.conn)
	c.gone(err)
	return string(said)
}

// status returns the status of the first answer, "" if there is none.
func status(said string) string {
	_, rest, _ := strings.Cut(said, " ")
	status, _, _ := strings.Cut(rest, " ")
	return status
}

func pause(d time.Duration) { <-time.NewTimer(d).C }

// head begins a request with a body.
func head(path string, lines ...string) string {
	lines = append([]string{"POST " + path + " HTTP/1.1", "Host: x"}, lines...)
	return strings.Join(lines, "\r\n") + "\r\n\r\n"
}

const (
	authorization = "Authorization: Bearer " + key
	isJSON        = "Content-Type: application/json"
	isForm        = "Content-Type: multipart/form-data; boundary=b"
	chunked       = "Transfer-Encoding: chunked"
	formFile      = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n\r\n"
)

// TestSlowAndHostileClients does what clients do that want a server to wait for them.
// Each connection ends, and all the while others are served.
func TestSlowAndHostileClients(t *testing.T) {
	t.Parallel()
	provider, environment := scripted(t)
	provider.Always(providertest.Chat, providertest.Action{Text: strings.Repeat(strings.Repeat("x", 4000)+" ", 4000)})
	s := serve(t, append(environment,
		"KVASIR_HEADER_TIMEOUT=1s", "KVASIR_STALL_TIMEOUT=2s", "KVASIR_IDLE_TIMEOUT=1s", "KVASIR_MAX_CONNECTIONS=300",
		"KVASIR_MAX_BODY_BYTES=1MiB", "KVASIR_MAX_UPLOAD_BYTES=1MiB")...)

	var bystander, clients sync.WaitGroup
	over := make(chan struct{})
	bystander.Go(func() { keepAsking(t, s, over) })
	for name, client := range slowClients(s, provider) {
		clients.Go(func() { // they wait rather than work, so they need no turns
			t.Run(name, func(t *testing.T) { client(dial(t, s)) })
		})
	}
	clients.Wait()
	close(over)
	bystander.Wait()
}

// keepAsking is a client like any other, who comes with a new connection each time. One
// that comes when there are too many may be closed on, and comes again.
func keepAsking(t *testing.T, s *server, over <-chan struct{}) {
	c := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}
	served := 0
	for {
		select {
		case <-over:
			t.Logf("the bystander was served %d times", served)
			return
		default:
		}
		var err error
		for range 5 {
			var res *http.Response
			if res, err = c.Get(s.url + "/api/health"); err == nil {
				_ = res.Body.Close() // nothing was to be read
				break
			}
		}
		if err != nil {
			t.Errorf("a bystander is not served: %v", err)
			return
		}
		served++
		pause(10 * time.Millisecond)
	}
}

func slowClients(s *server, provider *providertest.Server) map[string]func(*raw) {
	refused := func(want, head string, then func(*raw)) func(*raw) {
		return func(c *raw) {
			c.send(head)
			go then(c)
			if said := c.ends(); status(said) != want {
				c.Errorf("it is answered %.200q, want %s", said, want)
			}
		}
	}
	dribble := func(c *raw) { c.dribble('x') }
	endless := func(c *raw) { c.flood("1000\r\n" + strings.Repeat("x", 4096) + "\r\n") }
	return map[string]func(*raw){
		"a header that is dribbled": func(c *raw) { c.send("GET / HTTP/1.1\r\nX: "); c.dribble('x') },
		"a header that stops":       func(c *raw) { c.send("GET / HT"); c.ends() },
		"nothing at all":            func(c *raw) { c.ends() },
		"a header without end":      refused("431", "GET / HTTP/1.1\r\nX: ", func(c *raw) { c.flood(strings.Repeat("x", 4096)) }),
		"headers without end":       refused("431", "GET / HTTP/1.1\r\n", func(c *raw) { c.flood("X-Y: " + strings.Repeat("z", 200) + "\r\n") }),
		"a body that is dribbled":   refused("408", head("/api/v1/memo", authorization, isJSON, "Content-Length: 9999"), dribble),
		"a body that stops":         refused("408", head("/api/v1/memo", authorization, isJSON, "Content-Length: 9999"), func(*raw) {}),
		"a stranger's body":         refused("401", head("/api/v1/memo", isJSON, "Content-Length: 9999"), dribble),
		"a body for a page":         refused("200", "GET /api/health HTTP/1.1\r\nHost: x\r\nContent-Length: 9999\r\n\r\n", dribble),
		"an upload that is dribbled": refused("408",
			head("/api/v1/memo", authorization, isForm, "Content-Length: 99999")+formFile, dribble),
		"chunks without end":  refused("413", head("/api/v1/memo", authorization, isJSON, chunked), endless),
		"a stranger's chunks": refused("401", head("/api/v1/memo", isJSON, chunked), endless),
		"an upload without end": refused("400", head("/api/v1/memo", authorization, isForm, chunked)+
			fmt.Sprintf("%x\r\n%s\r\n", len(formFile), formFile), endless),
		"a trailer without end": refused("400", head("/api/v1/memo", authorization, isJSON, chunked)+"2\r\n{}\r\n0\r\n",
			func(c *raw) { c.flood("X-Y: " + strings.Repeat("z", 200) + "\r\n") }),
		"a request, then nothing":        idles,
		"requests without reading":       pipelinesBlindly,
		"many requests at once":          pipelines,
		"a crowd that does nothing":      func(c *raw) { crowds(c, s) },
		"an answer that nobody reads":    func(c *raw) { asksBlindly(c, provider) },
		"a slow line that does not stop": uploadsSlowly,
	}
}

// idles keeps its connection after an answer.
func idles(c *raw) {
	c.send("GET /api/health HTTP/1.1\r\nHost: x\r\n\r\n")
	if said := c.ends(); status(said) != "200" {
		c.Errorf("it is answered %.200q", said)
	}
}

const page = "GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n"

// pipelinesBlindly asks for page after page, and reads none.
func pipelinesBlindly(c *raw) {
	if err := c.conn.SetReadBuffer(4096); err != nil {
		c.Fatal(err)
	}
	c.flood(page)
}

// pipelines asks for many pages before it reads the first.
func pipelines(c *raw) {
	const many = 50
	c.send(strings.Repeat(page, many))
	in := bufio.NewReader(c.conn)
	for i := range many {
		res, err := http.ReadResponse(in, nil)
		if err != nil {
			c.Fatalf("answer %d: %v", i, err)
		}
		if n, err := io.Copy(io.Discard, res.Body); err != nil || n != res.ContentLength && res.ContentLength >= 0 {
			c.Fatalf("answer %d: %d bytes, %v", i, n, err)
		}
		_ = res.Body.Close() // it is read to its end
	}
}

// crowds opens more connections than there may be, and sends nothing.
func crowds(c *raw, s *server) {
	crowd := []*raw{c}
	for range 600 {
		crowd = append(crowd, dial(c.T, s))
	}
	for _, c := range crowd {
		c.ends()
	}
}

// asksBlindly asks for a long answer, and reads nothing of it: the model is told to stop.
func asksBlindly(c *raw, provider *providertest.Server) {
	if err := c.conn.SetReadBuffer(4096); err != nil {
		c.Fatal(err)
	}
	question := `{"query":"Who?","stream":true}`
	c.send(head("/api/v1/chat", authorization, isJSON, fmt.Sprint("Content-Length: ", len(question))) + question)
	eventually(c.T, "the model was told to stop", func() bool { return provider.Totals(providertest.Chat).HungUp > 0 })
}

// uploadsSlowly takes longer for a file than a client may stall, and arrives.
func uploadsSlowly(c *raw) {
	const piece, pieces = 20 << 10, 30
	tail := "\r\n--b--\r\n"
	c.send(head("/api/v1/memo", authorization, isForm, fmt.Sprint("Content-Length: ", len(formFile)+piece*pieces+len(tail))))
	c.send(formFile)
	for range pieces {
		c.send(strings.Repeat("A duck. ", piece/8))
		pause(100 * time.Millisecond)
	}
	c.send(tail)
	if said := c.ends(); status(said) != "201" {
		c.Errorf("it is answered %.300q", said)
	}
}
