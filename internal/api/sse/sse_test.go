package sse

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A line is a client's side: it keeps each write as it came.
type line struct {
	header http.Header
	broken bool // writes fail

	mu        sync.Mutex // guards all below
	writes    []string
	deadlines []time.Time
	flushed   int
}

func (l *line) Header() http.Header { return l.header }
func (l *line) WriteHeader(int)     {}

func (l *line) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.broken {
		return 0, errors.New("broken pipe")
	}
	l.writes = append(l.writes, string(p))
	return len(p), nil
}

func (l *line) FlushError() error {
	l.flushed++
	return nil
}

func (l *line) SetWriteDeadline(at time.Time) error {
	l.deadlines = append(l.deadlines, at)
	return nil
}

type message struct {
	Type    string `json:"type"`
	Content string `json:"content"`
}

func TestEventsLeaveInOneWriteEach(t *testing.T) {
	t.Parallel()
	l := &line{header: http.Header{}}
	Serve(t.Context(), l, func(_ context.Context, out *Stream) {
		out.Send(message{"token", "Größe 🦓\n\u2028<b>"})
		out.Send(message{"done", ""})
	})
	want := []string{
		": ping\n\n",
		"data: {\"type\":\"token\",\"content\":\"Gr\\u00f6\\u00dfe \\ud83e\\udd93\\n\\u2028\\u003cb\\u003e\"}\n\n",
		"data: {\"type\":\"done\",\"content\":\"\"}\n\n",
	}
	if !slices.Equal(l.writes, want) {
		t.Errorf("writes %q\nwant   %q", l.writes, want)
	}
	if l.flushed != len(want) {
		t.Errorf("flushed %d times, want %d", l.flushed, len(want))
	}
	if last := l.deadlines[len(l.deadlines)-1]; !last.IsZero() {
		t.Errorf("the deadline %v outlives the stream", last)
	}
	for key, want := range map[string]string{
		"Content-Type": "text/event-stream", "Cache-Control": "no-cache", "X-Accel-Buffering": "no",
	} {
		if got := l.header.Get(key); got != want {
			t.Errorf("%s = %q, want %q", key, got, want)
		}
	}
}

func TestSilenceIsFilled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := &line{header: http.Header{}}
		Serve(t.Context(), l, func(ctx context.Context, out *Stream) {
			select {
			case <-time.After(35 * time.Second):
			case <-ctx.Done():
			}
			out.Send(message{"done", ""})
		})
		if pings := strings.Count(strings.Join(l.writes, ""), ": ping\n\n"); pings != 4 {
			t.Errorf("%d comments in 35 s, want 4", pings)
		}
	})
}

func TestADeadClientEndsTheStream(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := &line{header: http.Header{}}
		Serve(t.Context(), l, func(ctx context.Context, out *Stream) {
			l.mu.Lock()
			l.broken = true
			l.mu.Unlock()
			<-ctx.Done() // by the next comment
			if err := context.Cause(ctx); err == nil || err.Error() != "broken pipe" {
				t.Errorf("cause = %v, want the failed write", err)
			}
			if out.Send(message{"done", ""}) {
				t.Error("a dead client took an event")
			}
		})
	})
}

func TestAHungUpClientEndsTheStream(t *testing.T) {
	t.Parallel()
	ended := make(chan error, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		Serve(r.Context(), w, func(ctx context.Context, _ *Stream) {
			<-ctx.Done()
			ended <- ctx.Err()
		})
	}))
	defer server.Close()
	ctx, hangUp := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	hangUp()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the stream ended with %v", err)
	}
}

func TestPiecesFitALine(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", "a", strings.Repeat("🦓", 20000), strings.Repeat("\x00", 70000), strings.Repeat("a", 5001),
	} {
		var joined strings.Builder
		for piece := range Pieces(text) {
			joined.WriteString(piece)
			if event := Encode(message{"token", piece}); !Fits(event) || piece == "" {
				t.Errorf("a piece of %d bytes becomes a line of %d", len(piece), len(event))
			}
		}
		if joined.String() != text {
			t.Errorf("the pieces of %d bytes join to %d", len(text), joined.Len())
		}
	}
}

func FuzzEncode(f *testing.F) {
	for _, seed := range []string{"", "ünï 🦓 \u2028\x00\x7f", "\xff\xed\xa0\x80", "x\n\n: y", `"\\u0041`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		event := Encode(message{"token", text})
		data, framed := bytes.CutPrefix(event, []byte("data: "))
		data, ended := bytes.CutSuffix(data, []byte("\n\n"))
		if !framed || !ended || bytes.ContainsAny(data, "\r\n") {
			t.Fatalf("framing of %q", event)
		}
		if i := bytes.IndexFunc(event, func(r rune) bool { return r >= utf8.RuneSelf }); i >= 0 {
			t.Fatalf("not ASCII at %d: %q", i, event)
		}
		var got message
		if err := json.Unmarshal(data, &got); err != nil {
			t.Fatalf("%q: %v", data, err)
		}
		if utf8.ValidString(text) && got.Content != text {
			t.Errorf("%q came back as %q", text, got.Content)
		}
	})
}

func ExampleServe() {
	w := httptest.NewRecorder()
	Serve(context.Background(), w, func(_ context.Context, out *Stream) {
		for piece := range Pieces("Zebras haben Streifen, grün sind sie nie.") {
			out.Send(message{"token", piece})
		}
	})
	fmt.Print(w.Body)
	// Output:
	// : ping
	//
	// data: {"type":"token","content":"Zebras haben Streifen, gr\u00fcn sind sie nie."}
}

func BenchmarkEncode(b *testing.B) {
	event := message{"token", "der nächste Teil "}
	b.ReportAllocs()
	for b.Loop() {
		Encode(event)
	}
}
