package ingest

import (
	"sync"
	"time"
)

// ails knows which index versions cannot be brought along for the moment.
type ails struct {
	mu    sync.Mutex
	until map[int64]time.Time
}

func (a *ails) note(version int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.until == nil {
		a.until = map[int64]time.Time{}
	}
	a.until[version] = time.Now().Add(alongPause)
}

func (a *ails) well(version int64) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return time.Now().After(a.until[version])
}
