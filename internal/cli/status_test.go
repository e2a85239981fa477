package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"golang.org/x/tools/txtar"

	"kvasir/client"
	"kvasir/client/clienttest"
)

// TestScreens compares what commands show with testdata/screens.txtar; -update
// rewrites that. Read it: it is what people see.
func TestScreens(t *testing.T) {
	t.Parallel()
	srv := clienttest.Start(t)
	dir := write(t, map[string]string{
		"a.md": strings.Repeat("# Heron\n\nHerons eat fish. ", 1000), "b.txt": "Ducks eat seeds.",
		"page.html": "<h1>Page</h1>", ".hidden": "x", "broken.docx": "this is none",
	})
	on(t, srv, "add", filepath.Join(dir, "b.txt")).succeed(t)
	got := &txtar.Archive{}
	for _, args := range [][]string{
		{"status"}, {"usage"}, {"usage", "--by", "memo"}, {"usage", "--by=api_key,kind", "-n2"}, {"add", "--dry-run", dir},
	} {
		r := on(t, srv, args...).succeed(t)
		text := strings.ReplaceAll(r.stdout, dir, "DIR")
		for line := range strings.Lines(text) {
			if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 80 {
				t.Errorf("%v: a line of %d columns: %s", args, n, line)
			}
		}
		name := strings.ReplaceAll(strings.Join(args, " "), dir, "DIR")
		got.Files = append(got.Files, txtar.File{Name: "kvasir " + name, Data: []byte(text)})
	}
	compareGolden(t, "testdata/screens.txtar", got)
}

func TestStatusAsJSON(t *testing.T) {
	t.Parallel()
	srv := clienttest.Start(t)
	var got client.ServerStatus
	r := on(t, srv, "status", "--json").succeed(t)
	if err := json.Unmarshal([]byte(r.stdout), &got); err != nil || got.Pools[0].Waiting.Calls != 1041 {
		t.Errorf("%v: %s", err, r.stdout)
	}
	if strings.Contains(r.stdout, "0001-01-01") {
		t.Errorf("a time that is not known is shown:\n%s", r.stdout)
	}
}

// liveSession returns a session whose stdout is taken for a terminal.
func liveSession() (*session, *bytes.Buffer) {
	var out bytes.Buffer
	return &session{out: &screen{w: &out, terminal: true, color: true}}, &out
}

func TestALiveStatusIsDrawnAnewUntilTheEnd(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s, out := liveSession()
	asked := 0
	err := s.watch(ctx, nil, func(context.Context) (client.ServerStatus, error) {
		switch asked++; asked {
		case 1:
			return client.ServerStatus{Version: "1"}, nil
		case 2:
			return client.ServerStatus{}, errors.New("it went away")
		}
		cancel()
		return client.ServerStatus{Version: "3"}, nil
	})
	if err != nil || asked != 3 {
		t.Fatalf("watch() = %v after %d questions", err, asked)
	}
	frames := strings.Split(out.String(), "\x1b[H")
	if len(frames) != 4 || !strings.HasPrefix(frames[0], "\x1b[?1049h") ||
		!strings.HasSuffix(out.String(), "\x1b[?1049l") {
		t.Fatalf("%d frames: %q", len(frames)-1, out)
	}
	for i, want := range []string{"kvasir 1,", "it went away", "kvasir 3,"} {
		if !strings.Contains(frames[i+1], want) || !strings.Contains(frames[i+1], "Ctrl-C leaves") {
			t.Errorf("frame %d lacks %q: %q", i, want, frames[i+1])
		}
	}
	if strings.Contains(frames[1], "q or") || !strings.Contains(frames[2], "kvasir 1,") {
		t.Errorf("frames %q", frames)
	}
}

func TestALiveStatusOfNoServer(t *testing.T) {
	t.Parallel()
	s, out := liveSession()
	gone := errors.New("gone")
	err := s.watch(t.Context(), nil, func(context.Context) (client.ServerStatus, error) {
		return client.ServerStatus{}, gone
	})
	if !errors.Is(err, gone) || out.Len() > 0 {
		t.Errorf("watch() = %v, drew %q", err, out)
	}
}

// TestKeysLeave uses a pipe for the keys: like a terminal's, its reads can be
// given up.
func TestKeysLeave(t *testing.T) {
	t.Parallel()
	for _, keys := range []string{"xyzq", "Q", "\x03", ""} {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer w.Close()
		if _, err := w.WriteString(keys); err != nil {
			t.Fatal(err)
		}
		s, out := liveSession()
		ctx, cancel := context.WithCancel(t.Context())
		if keys == "" {
			cancel() // leaves too
		}
		err = s.watch(ctx, &keyboard{tty: r}, func(context.Context) (client.ServerStatus, error) {
			return client.ServerStatus{}, nil
		})
		if err != nil || !strings.Contains(out.String(), "q or Ctrl-C leaves") {
			t.Errorf("after %q: %v, %q", keys, err, out)
		}
		cancel()
	}
}

func TestAFrameFitsTheScreen(t *testing.T) {
	t.Parallel()
	s, out := liveSession()
	s.out.draw(strings.Split(strings.Repeat("line\n", 100), "\n"), "hint")
	if n := strings.Count(out.String(), "\n") + 1; n != 24 || !strings.Contains(out.String(), "…") {
		t.Errorf("%d lines: %q", n, out)
	}
	if strings.HasSuffix(out.String(), "\n") || !strings.Contains(out.String(), "hint") {
		t.Errorf("the end is %q", out)
	}
}

func TestStatesHaveColors(t *testing.T) {
	t.Parallel()
	s, _ := liveSession()
	view := statusView{s.out, 80}
	for state, code := range map[string]string{"open": "32", "paused": "33", "probing": "33", "broken": "31"} {
		st := client.ServerStatus{Pools: []client.Pool{{Lanes: []client.Lane{{Name: "open/" + state, State: state}}}}}
		row := view.lanes(&st)[1]
		if !strings.Contains(row, "\x1b["+code+"m"+state+"\x1b[0m") || !strings.HasPrefix(row, "open/"+state+"  ") {
			t.Errorf("the row of a lane that is %s: %q", state, row)
		}
	}
}

func TestNumbersForPeople(t *testing.T) {
	t.Parallel()
	for n, want := range map[float64]string{
		0: "0", 12.4: "12", 999: "999", 999.6: "1.0k", 1200: "1.2k", 9949: "9.9k", 9951: "10k", 812345.6: "812k",
		999499: "999k", 999501: "1.0M", 3e6: "3.0M", 15e6: "15M", 2.5e9: "2.5G", 7e11: "700G",
	} {
		if got := compact(n); got != want {
			t.Errorf("compact(%v) = %q, want %q", n, got, want)
		}
	}
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -1234: "-1,234"} {
		if got := grouped(n); got != want {
			t.Errorf("grouped(%d) = %q, want %q", n, got, want)
		}
	}
	for d, want := range map[time.Duration]string{
		-time.Second: "0 s", 0: "0 s", 400 * time.Millisecond: "0 s", 59 * time.Second: "59 s", time.Minute: "1 min",
		130 * time.Second: "2 min 10 s", time.Hour: "1 h", 3*time.Hour + 12*time.Minute + 29*time.Second: "3 h 12 min",
		time.Hour - time.Millisecond: "1 h", 50*time.Hour + 40*time.Minute: "2 d 3 h", 24*time.Hour - time.Second: "24 h",
	} {
		if got := spoken(d); got != want {
			t.Errorf("spoken(%v) = %q, want %q", d, got, want)
		}
	}
	for ms, want := range map[float64]string{
		0: "–", 0.4: "0.4ms", 118.2: "118ms", 999.6: "1.0s", 1340: "1.3s", 9960: "10s", 1e9: "9999s",
	} {
		if got := latency(ms); got != want {
			t.Errorf("latency(%v) = %q, want %q", ms, got, want)
		}
	}
	for amount, want := range map[float64]string{0: "$0.0000", 0.00816: "$0.0082", 99.5: "$99.5000", 1234.5: "$1234.50"} {
		if got := dollars(amount); got != want {
			t.Errorf("dollars(%v) = %q, want %q", amount, got, want)
		}
	}
	for n, want := range map[int64]string{
		0: "0 bytes", 1023: "1023 bytes", 1024: "1.0 KiB", 5 << 20: "5.0 MiB", 3 << 40: "3072.0 GiB",
	} {
		if got := byteSize(n); got != want {
			t.Errorf("byteSize(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestATableKeepsToTheWidth(t *testing.T) {
	t.Parallel()
	table := &table{columns: []column{{head: "NAME"}, {head: "N", right: true}, {head: "WORDS"}}}
	table.add("a-very-long-name-of-something", "12345", "some words")
	table.add("é", "1", "")
	want := "NAME                N  WORDS\na-very-long-n…  12345  some words\né                   1"
	if got := strings.Join(table.lines(33), "\n"); got != want {
		t.Errorf("lines(33) =\n%s\nwant\n%s", got, want)
	}
	if got := table.lines(3)[1]; got != "a-v…  12345  som…" {
		t.Errorf("a width that is too small gives %q", got)
	}
}

func TestHealth(t *testing.T) {
	t.Parallel()
	srv := clienttest.Start(t)
	if r := on(t, srv, "health").succeed(t); !strings.Contains(r.stdout, "ok: ") {
		t.Errorf("%+v", r)
	}
	if r := on(t, srv, "health", "--url", "http://127.0.0.1:1"); r.status != exitFailed || !strings.Contains(r.stderr, "no server at") {
		t.Errorf("%+v", r)
	}
}
