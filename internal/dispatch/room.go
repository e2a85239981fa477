package dispatch

import (
	"context"
	"sync"
)

// A room bounds the bytes of texts under way. Who finds it full waits: that is
// what slows ingestion down. A tenant that has nothing inside is let in all the
// same, so that one with a great deal keeps nobody out.
type room struct {
	limit int64

	mu       sync.Mutex // guards all below
	used     int64
	byTenant map[string]int64
	freed    chan struct{} // closed when somebody leaves; nil if nobody waits
}

func newRoom(limit int64) *room { return &room{limit: limit, byTenant: map[string]int64{}} }

// enter waits until there is room for the tenant's bytes. The caller must leave
// with as many.
func (r *room) enter(ctx context.Context, tenant string, bytes int64) error {
	for {
		freed := r.tryEnter(tenant, bytes)
		if freed == nil {
			return nil
		}
		select {
		case <-freed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// tryEnter returns nil, or what is closed when it is worth trying again.
func (r *room) tryEnter(tenant string, bytes int64) chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, inside := r.byTenant[tenant]; inside && r.used+bytes > r.limit {
		if r.freed == nil {
			r.freed = make(chan struct{})
		}
		return r.freed
	}
	r.used += bytes
	r.byTenant[tenant] += bytes
	return nil
}

func (r *room) leave(tenant string, bytes int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.used -= bytes
	if r.byTenant[tenant] -= bytes; r.byTenant[tenant] <= 0 {
		delete(r.byTenant, tenant)
	}
	if r.freed != nil {
		close(r.freed)
		r.freed = nil
	}
}
