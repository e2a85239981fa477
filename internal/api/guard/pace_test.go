package guard

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A deadlined writer takes deadlines for the body that its request reads.
type deadlined struct {
	http.ResponseWriter
	at time.Time
}

func (d *deadlined) SetReadDeadline(at time.Time) error { d.at = at; return nil }

// A line delivers bytes at a rate, until the deadline.
type line struct {
	w     *deadlined
	left  int
	every time.Duration // for each read, of at most chunk bytes
	chunk int
}

func (l *line) Close() error { return nil }

func (l *line) Read(p []byte) (int, error) {
	if l.left == 0 {
		return 0, io.EOF
	}
	arrives := time.Now().Add(l.every)
	if !l.w.at.IsZero() && l.w.at.Before(arrives) {
		time.Sleep(time.Until(l.w.at))
		return 0, os.ErrDeadlineExceeded
	}
	time.Sleep(time.Until(arrives))
	n := min(len(p), l.chunk, l.left)
	l.left -= n
	return n, nil
}

func TestPace(t *testing.T) {
	t.Parallel()
	const stall = 30 * time.Second
	for _, c := range []struct {
		name  string
		bytes int
		chunk int
		every time.Duration
		whole bool
	}{
		{"fast", 1 << 20, 1 << 16, time.Millisecond, true},
		{"slow and steady", 10 << 20, 1500, time.Second, true},
		{"nothing", 0, 1, 0, true},
		{"dribbled", 1 << 20, 1, time.Second, false},
		{"a byte before each deadline", 1 << 20, 1, stall - time.Second, false},
		{"a piece in each stall", 10 * Piece, Piece / 8, stall/8 - time.Millisecond, true},
		{"silence", 10, 10, stall + time.Millisecond, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := &deadlined{ResponseWriter: httptest.NewRecorder()}
				r := httptest.NewRequest("POST", "/", nil)
				r.Body = &line{w, c.bytes, c.every, c.chunk}
				began := time.Now()
				Pace(stall)(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
					n, err := io.Copy(io.Discard, r.Body)
					if whole := err == nil; whole != c.whole || whole && n != int64(c.bytes) {
						t.Errorf("%d bytes, %v", n, err)
					}
					if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
						t.Error(err)
					}
				})).ServeHTTP(w, r)
				if c.whole != w.at.IsZero() {
					t.Errorf("at the end the deadline is %v", w.at)
				}
				if !c.whole && time.Since(began) > stall {
					t.Errorf("it took %v", time.Since(began))
				}
			})
		})
	}
}

// TestABodyThatNobodyReads is refused without waiting for it for long.
func TestABodyThatNobodyReads(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(Pace(50 * time.Millisecond)(answers(401, "text/plain", "no")))
	defer server.Close()
	conn, err := new(net.Dialer).DialContext(context.Background(), "tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n")
	said, err := io.ReadAll(bufio.NewReader(conn)) // to the end of the connection
	if err != nil || !strings.Contains(string(said), "401") {
		t.Errorf("%q, %v", said, err)
	}
}
