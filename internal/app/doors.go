package app

import (
	"container/list"
	"context"
	"net"
	"net/http"
	"sync"
	"time"

	"kvasir/internal/api/guard"
)

// Doors are a listener that bounds its connections. For one too many, the one that
// has been without a request for the longest is closed; that it has begun to send a
// header does not count. So a crowd that sends nothing, or dribbles, keeps nobody out.
// Only when all are at work is the new one closed.
type doors struct {
	net.Listener
	max   int
	stall time.Duration

	mu      sync.Mutex // guards what follows, and the places of connections
	open    int
	waiting *list.List // of *connection
}

func newDoors(l net.Listener, most int, stall time.Duration) *doors {
	return &doors{Listener: l, max: most, stall: stall, waiting: list.New()}
}

// Accept returns the next connection that there is room for.
func (d *doors) Accept() (net.Conn, error) {
	for {
		raw, err := d.Listener.Accept()
		if err != nil {
			return nil, err
		}
		c := &connection{Conn: raw, doors: d}
		oldest, ok := d.admit(c)
		if oldest != nil {
			_ = oldest.Conn.Close() // whoever reads from it hears of that
		}
		if ok {
			return c, nil
		}
		_ = raw.Close() // nobody has seen it yet
	}
}

// admit makes room for a connection. It returns the one that has to go for it, and
// whether there is room.
func (d *doors) admit(c *connection) (oldest *connection, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.open >= d.max {
		front := d.waiting.Front()
		if front == nil {
			return nil, false
		}
		oldest = front.Value.(*connection)
		d.leave(oldest)
	}
	d.open++
	c.place = d.waiting.PushBack(c)
	return oldest, true
}

// leave takes a connection off the books. d.mu is held.
func (d *doors) leave(c *connection) {
	if c.gone {
		return
	}
	c.gone = true
	d.open--
	d.occupy(c)
}

// occupy takes a connection out of the line of those without a request. d.mu is held.
func (d *doors) occupy(c *connection) {
	if c.place != nil {
		d.waiting.Remove(c.place)
		c.place = nil
	}
}

// state hears of connections whose request is answered, to the last byte.
func (d *doors) state(conn net.Conn, state http.ConnState) {
	c, ok := conn.(*connection)
	if !ok || state != http.StateIdle {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if !c.gone && c.place == nil {
		c.place = d.waiting.PushBack(c)
	}
}

// connectionKey is where a request's connection travels.
type connectionKey struct{}

func withConnection(ctx context.Context, conn net.Conn) context.Context {
	return context.WithValue(ctx, connectionKey{}, conn)
}

// through notes that a connection has a request.
func (d *doors) through(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, ok := r.Context().Value(connectionKey{}).(*connection); ok {
			d.mu.Lock()
			d.occupy(c)
			d.mu.Unlock()
		}
		next.ServeHTTP(w, r)
	})
}

// A connection ends when its client does not take what is sent.
type connection struct {
	net.Conn
	doors *doors
	place *list.Element // among those without a request; nil with one
	gone  bool
}

// Write sends piece by piece, each of which the client has to take in time: a slow
// line gets a large answer, and who takes none does not hold what answers him.
func (c *connection) Write(p []byte) (n int, err error) {
	for len(p) > 0 {
		if err := c.SetWriteDeadline(time.Now().Add(c.doors.stall)); err != nil {
			return n, err
		}
		sent, err := c.Conn.Write(p[:min(len(p), guard.Piece)])
		n += sent
		if err != nil {
			return n, err
		}
		p = p[sent:]
	}
	return n, nil
}

// CloseWrite lets net/http end what it sends before it stops to read, so that a
// client who is refused gets to see why.
func (c *connection) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return c.Conn.Close()
}

// Close closes the connection.
func (c *connection) Close() error {
	c.doors.mu.Lock()
	c.doors.leave(c)
	c.doors.mu.Unlock()
	return c.Conn.Close()
}
