package worker_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"kvasir/internal/memo"
	"kvasir/internal/parse"
	"kvasir/internal/parse/worker"
)

// TestMain makes the test binary a child, too: as the real one, and as those that
// go wrong in ways that no document should bring about.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 {
		os.Exit(beChild(os.Args[1]))
	}
	goleak.VerifyTestMain(m)
}

func beChild(mode string) int {
	switch mode {
	case "parse-worker":
		if err := worker.Serve(context.Background(), os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	case "environment":
		fmt.Fprint(os.Stderr, "environment:", strings.Join(os.Environ(), "\n"))
		return 3
	case "hang":
		select {}
	case "hangs-after-receipt":
		receive()
		time.Sleep(time.Hour)
	case "overflow":
		receive()
		debug.SetMaxStack(1 << 20)
		fmt.Println(overflow(0))
	case "once":
		receive()
		_, _ = os.Stdout.WriteString("o\x00\x00\x00\x10{\"Title\":\"once\"}")
	case "nonsense":
		receive()
		_, _ = os.Stdout.WriteString(strings.Repeat("\xff", 1000))
		time.Sleep(time.Hour)
	case "huge":
		receive()
		_, _ = os.Stdout.WriteString("t\xff\xff\xff\xff")
		time.Sleep(time.Hour)
	}
	return 0
}

// receive acknowledges a document as a child does.
func receive() {
	in := bufio.NewReader(os.Stdin)
	for range 2 { // the setup, and the document
		head := make([]byte, 5)
		if _, err := io.ReadFull(in, head); err != nil {
			os.Exit(4)
		}
		_, _ = in.Discard(int(head[3])<<8 + int(head[4]))
	}
	_, _ = os.Stdout.WriteString("r\x00\x00\x00\x02{}")
}

// overflow has no bottom that the stack could hold.
func overflow(n int) int {
	if n < 0 {
		return 0
	}
	return overflow(n+1) + n
}

// newPool returns a pool whose children are in a mode.
func newPool(t *testing.T, mode string, opts worker.Options) *worker.Pool {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if dir, err := os.UserCacheDir(); err == nil {
		opts.Parse.CacheDir = filepath.Join(dir, "kvasir", "wazero")
	}
	opts.Command = []string{exe, mode}
	opts.TempDir = t.TempDir()
	p := worker.New(opts)
	t.Cleanup(func() {
		if err := p.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Errorf("Close: %v", err)
		}
		if left, err := os.ReadDir(opts.TempDir); err != nil || len(left) > 0 {
			t.Errorf("the pool leaves %v behind, %v", left, err)
		}
	})
	return p
}

// read returns what a pool makes of data in a file called name.
func read(ctx context.Context, p *worker.Pool, name, data string) (memo.Parsed, error) {
	return p.Parse(ctx, parse.Input{Name: name, Content: strings.NewReader(data), Size: int64(len(data))})
}
