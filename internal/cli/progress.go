package cli

import (
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/schollz/progressbar/v3"
)

// A progress shows how far a piece of work is: a bar on a terminal, elsewhere a
// line at each tenth of it. It is safe for concurrent use.
type progress struct {
	out   *screen
	label string

	mu    sync.Mutex // guards what follows
	bar   *progressbar.ProgressBar
	total int64
	done  int64
	told  int64 // tenths

	reasons   map[string]time.Time // when each was last told, by its words
	described time.Time            // when it was last told what is worked on
}

// repeatEvery is how often a reason is told whose figures alone have changed.
const repeatEvery = 10 * time.Second

// The units of a progress.
const (
	unitItems = false
	unitBytes = true
)

// fewItems are done before a line about them would be read.
const fewItems = 50

// progress begins to show a piece of work on stderr.
func (s *session) progress(label string, total int64, bytes bool) *progress {
	p := &progress{out: s.err, label: label, total: total}
	if !s.err.terminal || total <= 0 {
		s.err.printf("%s\n", label)
		return p
	}
	p.bar = progressbar.NewOptions64(total,
		progressbar.OptionSetWriter(s.err),
		progressbar.OptionSetDescription(label),
		progressbar.OptionSetWidth(30),
		progressbar.OptionShowCount(),
		progressbar.OptionShowBytes(bytes),
		progressbar.OptionThrottle(65*time.Millisecond),
		progressbar.OptionClearOnFinish(),
		progressbar.OptionSetPredictTime(true),
		progressbar.OptionEnableColorCodes(false),
	)
	return p
}

// add counts n more as done.
func (p *progress) add(n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.to(p.done + n)
}

// set says that so much is done.
func (p *progress) set(done int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.to(done)
}

func (p *progress) to(done int64) {
	p.done = done
	if p.bar != nil {
		_ = p.bar.Set64(min(done, p.total)) // a bar that cannot be drawn stops nothing
		return
	}
	if p.total < fewItems {
		return
	}
	if tenths := done * 10 / p.total; tenths > p.told {
		p.told = tenths
		p.out.printf("%s: %d %%\n", p.label, tenths*10)
	}
}

// note tells of one thing on the way.
func (p *progress) note(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar != nil {
		_ = p.bar.Clear()
		defer func() { _ = p.bar.RenderBlank() }()
	}
	p.out.printf(format+"\n", args...)
}

// waits tells why one thing is not done yet. A reason is told again after a
// while only: memos that wait together give the same one with other figures.
func (p *progress) waits(what, why string) {
	reason, _, _ := strings.Cut(why, ",") // after it come places in line
	words := strings.Map(func(r rune) rune {
		if unicode.IsDigit(r) {
			return -1
		}
		return r
	}, reason)
	p.mu.Lock()
	if p.reasons == nil {
		p.reasons = map[string]time.Time{}
	}
	now := time.Now()
	fresh := now.Sub(p.reasons[words]) >= repeatEvery
	if fresh {
		p.reasons[words] = now
	}
	p.mu.Unlock()
	if fresh {
		p.note("%s waits: %s", what, why)
	}
}

// describe tells what is being worked on: beside the bar, else in a line of its own
// now and then.
func (p *progress) describe(what string) {
	p.mu.Lock()
	if p.bar != nil {
		p.bar.Describe(ellipsis(p.label+": "+what, max(p.out.width()-45, 30)))
		p.mu.Unlock()
		return
	}
	now := time.Now()
	fresh := now.Sub(p.described) >= repeatEvery
	if fresh {
		p.described = now
	}
	p.mu.Unlock()
	if fresh {
		p.note("%s", what)
	}
}

// finish takes the bar away.
func (p *progress) finish() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar != nil {
		_ = p.bar.Finish()
		_ = p.bar.Clear()
	}
}
