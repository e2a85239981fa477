package cli

import (
	"context"
	"os"
	"time"

	"golang.org/x/term"
)

// A keyboard hears single keys. The nil keyboard hears none.
type keyboard struct {
	tty   *os.File
	state *term.State // to go back to; nil if nothing was changed
}

// openKeyboard takes the terminal's keys. It fails, with a nil keyboard, where
// reading them could not be given up: then who listens would never end.
func openKeyboard() (*keyboard, error) {
	tty, err := os.Open("/dev/tty")
	if err != nil {
		return nil, err
	}
	k := &keyboard{tty: tty}
	if err := tty.SetReadDeadline(time.Time{}); err != nil {
		k.close()
		return nil, err
	}
	raw, err := tty.SyscallConn()
	if err != nil {
		k.close()
		return nil, err
	}
	var failed error
	err = raw.Control(func(fd uintptr) { k.state, failed = term.MakeRaw(int(fd)) })
	if err != nil || failed != nil {
		k.close()
		return nil, failed
	}
	return k, nil
}

// close gives the terminal back.
func (k *keyboard) close() {
	if k == nil {
		return
	}
	if raw, err := k.tty.SyscallConn(); err == nil && k.state != nil {
		// What cannot be set back, the shell sets right.
		_ = raw.Control(func(fd uintptr) { _ = term.Restore(int(fd), k.state) })
	}
	_ = k.tty.Close() // it was only read
}

// hint tells how to leave.
func (k *keyboard) hint() string {
	if k == nil {
		return "Ctrl-C leaves"
	}
	return "q or Ctrl-C leaves"
}

// untilQuit returns when q or Ctrl-C is pressed, after calling stop, or when ctx
// ends. A raw terminal makes no signal of Ctrl-C.
func (k *keyboard) untilQuit(ctx context.Context, stop func()) {
	if k == nil {
		<-ctx.Done()
		return
	}
	unwatch := context.AfterFunc(ctx, func() { _ = k.tty.SetReadDeadline(time.Unix(1, 0)) }) // it could before
	defer unwatch()
	for key := []byte{0}; ; {
		if _, err := k.tty.Read(key); err != nil {
			<-ctx.Done() // without keys a signal ends it
			return
		}
		if key[0] == 'q' || key[0] == 'Q' || key[0] == ctrlC {
			stop()
			return
		}
	}
}

const ctrlC = 3
