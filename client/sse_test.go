package client

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

// readAll returns the data of every event, and the error at the end.
func readAll(r io.Reader) ([]string, error) {
	var all []string
	for m, err := range events(r) {
		if err != nil {
			return all, err
		}
		all = append(all, string(m.data))
	}
	return all, nil
}

func TestEvents(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("é", maxLine/2-8)
	tests := []struct {
		name   string
		stream string
		want   []string
	}{
		{"nothing", "", nil},
		{"two events", "data: a\n\ndata: b\n\n", []string{"a", "b"}},
		{"comments are skipped", ": ping\n\ndata: a\n: ping\n\n: ping\n\n", []string{"a"}},
		{"lines may end as on Windows", "data: a\r\n\r\ndata: b\r\n\r\n", []string{"a", "b"}},
		{"the last empty line may be missing", "data: a\n\ndata: b", []string{"a", "b"}},
		{"lines of one event are joined", "data: a\ndata: b\n\n", []string{"a\nb"}},
		{"one space belongs to the colon", "data:a\n\ndata:  b\n\n", []string{"a", " b"}},
		{"empty data is data", "data:\n\ndata\n\n", []string{"", ""}},
		{"other fields are skipped", "event: x\nid: 1\nretry: 5\ndatabase: no\ndata: a\n\n", []string{"a"}},
		{"an event without data is none", "event: x\n\n\n\ndata: a\n\n", []string{"a"}},
		{"a byte order mark is none of it", "\ufeffdata: a\n\n", []string{"a"}},
		{"characters of several bytes", "data: é漢😀\n\n", []string{"é漢😀"}},
		{"a line of almost 1 MiB", "data: " + long + "\n\n", []string{long}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for name, r := range map[string]io.Reader{
				"at once":     strings.NewReader(tt.stream),
				"in halves":   iotest.HalfReader(strings.NewReader(tt.stream)),
				"by the byte": iotest.OneByteReader(strings.NewReader(tt.stream)),
			} {
				got, err := readAll(r)
				if err != nil {
					t.Errorf("read %s: %v", name, err)
				}
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("read %s (-want +got):\n%s", name, diff)
				}
			}
		})
	}
}

func TestEventsOfABrokenStream(t *testing.T) {
	t.Parallel()
	got, err := readAll(iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader("data: a\n\n"))))
	if !errors.Is(err, iotest.ErrTimeout) || got != nil {
		t.Errorf("got %q, %v, want the reader's error", got, err)
	}
	line := "data: " + strings.Repeat("x", maxLine) + "\n"
	if _, err := readAll(strings.NewReader(line)); !errors.Is(err, errLineTooLong) {
		t.Errorf("after a line of more than 1 MiB: %v", err)
	}
	if _, err := readAll(strings.NewReader(strings.Repeat("data: x\n", maxLine))); !errors.Is(err, errLineTooLong) {
		t.Errorf("after an event of endless lines: %v", err)
	}
}

func TestAConsumerMayStop(t *testing.T) {
	t.Parallel()
	for m, err := range events(strings.NewReader("data: a\n\ndata: b\n\n")) {
		if string(m.data) != "a" || err != nil {
			t.Errorf("first event %q, %v", m.data, err)
		}
		break
	}
}

// FuzzEvents holds that however a stream is cut into reads its events are the
// same, and that events written in the plainest way come back.
func FuzzEvents(f *testing.F) {
	f.Add("data: a\n\n: ping\n\ndata: b\r\n\r\n")
	f.Add("data: a\ndata: b\n\ndata")
	f.Add("\ufeffdata: {}\n\n")
	f.Fuzz(func(t *testing.T, stream string) {
		whole, err1 := readAll(strings.NewReader(stream))
		bytewise, err2 := readAll(iotest.OneByteReader(strings.NewReader(stream)))
		if diff := cmp.Diff(whole, bytewise); diff != "" || fmt.Sprint(err1) != fmt.Sprint(err2) {
			t.Errorf("%v and %v (-whole +bytewise):\n%s", err1, err2, diff)
		}
		var plain strings.Builder
		for _, data := range whole {
			for line := range strings.SplitSeq(data, "\n") {
				plain.WriteString("data: " + line + "\n")
			}
			plain.WriteString("\n")
		}
		again, err := readAll(strings.NewReader(plain.String()))
		if diff := cmp.Diff(whole, again); diff != "" || err != nil {
			t.Errorf("written again: %v (-want +got):\n%s", err, diff)
		}
	})
}

func FuzzDecodeEvent(f *testing.F) {
	f.Add([]byte(`{"type":"token","content":"a"}`))
	f.Add([]byte(`{"type":"references","content":"{\"1\":{\"memo_uuid\":\"u\"}}"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if e, err := decodeEvent(data); err == nil && e.Type != EventToken && e.Text != "" {
			t.Errorf("decodeEvent(%q) has a text: %+v", data, e)
		}
	})
}

func BenchmarkEvents(b *testing.B) {
	stream := strings.Repeat(`data: {"type":"token","content":" word"}`+"\n\n", 1000)
	b.SetBytes(int64(len(stream)))
	for b.Loop() {
		for _, err := range events(strings.NewReader(stream)) {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
}
