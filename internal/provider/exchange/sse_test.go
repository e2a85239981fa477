package exchange

import (
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

// events reads all events of r, copied.
func events(r io.Reader) ([]Event, error) {
	var out []Event
	for e, err := range Events(r) {
		if err != nil {
			return out, err
		}
		out = append(out, Event{e.Name, []byte(string(e.Data))})
	}
	return out, nil
}

func TestEventsFollowTheStandard(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, in string
		want     []Event
	}{
		{"nothing", "", nil},
		{"one event", "data: hello\n\n", []Event{{"", []byte("hello")}}},
		{"only one space is cut", "data:  hello\n\n", []Event{{"", []byte(" hello")}}},
		{"no space is needed", "data:hello\n\n", []Event{{"", []byte("hello")}}},
		{"lines are joined", "data: a\ndata\ndata: b\n\n", []Event{{"", []byte("a\n\nb")}}},
		{
			"names belong to one event", "event: error\ndata: x\n\ndata: y\n\n",
			[]Event{{"error", []byte("x")}, {"", []byte("y")}},
		},
		{"comments, ids and unknown fields pass", ": ping\n\nid: 7\nretry: 1\nfoo\ndata: x\n\n", []Event{{"", []byte("x")}}},
		{"an event without data is none", "event: ping\n\ndata: x\n\n", []Event{{"", []byte("x")}}},
		{"carriage returns", "data: a\r\rdata: b\r\r", []Event{{"", []byte("a")}, {"", []byte("b")}}},
		{"both line ends", "data: a\r\n\r\ndata: b\r\n\r\n", []Event{{"", []byte("a")}, {"", []byte("b")}}},
		{"a byte order mark", "\ufeffdata: a\n\n", []Event{{"", []byte("a")}}},
		{
			"a last event without its empty line", "data: a\n\ndata: [DONE]",
			[]Event{{"", []byte("a")}, {"", []byte("[DONE]")}},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for _, r := range []io.Reader{
				strings.NewReader(tt.in),
				iotest.OneByteReader(strings.NewReader(tt.in)),
				iotest.DataErrReader(strings.NewReader(tt.in)),
			} {
				got, err := events(r)
				if err != nil {
					t.Fatalf("Events(%q): %v", tt.in, err)
				}
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("Events(%q) (-want +got):\n%s", tt.in, diff)
				}
			}
		})
	}
}

func TestEventsComeBeforeTheNextByte(t *testing.T) {
	t.Parallel()
	for _, end := range []string{"\n\n", "\r\n\r\n", "\r\r"} {
		r, w := io.Pipe()
		var wg sync.WaitGroup
		wg.Go(func() { _, _ = io.WriteString(w, "data: now"+end) }) // returns when all is read
		for e, err := range Events(r) {
			if err != nil || string(e.Data) != "now" {
				t.Fatalf("Events after %q = %q, %v", end, e.Data, err)
			}
			break // the pipe is open and silent: to get here is the test
		}
		r.Close()
		wg.Wait()
	}
}

func TestEventsReportBrokenStreams(t *testing.T) {
	t.Parallel()
	broken := errors.New("connection reset")
	got, err := events(io.MultiReader(strings.NewReader("data: a\n\ndata: b\n"), iotest.ErrReader(broken)))
	if !errors.Is(err, broken) || len(got) != 1 {
		t.Errorf("Events(broken) = %d events and %v, want the first one and the error", len(got), err)
	}
	long := "data: " + strings.Repeat("x", maxEvent)
	many := strings.Repeat("data: "+strings.Repeat("x", 1000)+"\n", maxEvent/1000+1)
	for _, in := range []string{long, many} {
		if _, err := events(strings.NewReader(in)); !errors.Is(err, errEventTooLarge) {
			t.Errorf("Events of an endless event: %v, want %v", err, errEventTooLarge)
		}
	}
}

func FuzzEvents(f *testing.F) {
	f.Add("data: a\n\ndata: b\r\n\r\n: c\revent: d\rdata\r\r")
	f.Add("\ufeffdata: {\"choices\":[]}\n\ndata: [DONE]")
	f.Add("\xef\xbb\n\r\n")
	f.Fuzz(func(t *testing.T, in string) {
		whole, err := events(strings.NewReader(in))
		if err != nil {
			t.Fatalf("Events(%q): %v", in, err)
		}
		bytewise, err := events(iotest.OneByteReader(strings.NewReader(in)))
		if err != nil {
			t.Fatalf("Events(%q) byte by byte: %v", in, err)
		}
		if diff := cmp.Diff(whole, bytewise); diff != "" {
			t.Errorf("Events(%q) depends on how the bytes arrive:\n%s", in, diff)
		}
		// Written again, the events read the same.
		var again strings.Builder
		for _, e := range whole {
			again.WriteString("event: " + e.Name + "\n")
			for line := range strings.SplitSeq(string(e.Data), "\n") {
				again.WriteString("data: " + line + "\n")
			}
			again.WriteString("\n")
		}
		got, err := events(strings.NewReader(again.String()))
		if diff := cmp.Diff(whole, got); err != nil || diff != "" {
			t.Errorf("Events(%q), written again: %v\n%s", in, err, diff)
		}
	})
}
