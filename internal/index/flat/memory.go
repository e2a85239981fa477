package flat

import (
	"runtime"
	"unsafe"
)

// mappedFrom is the size from which memory is taken outside of the Go heap.
const mappedFrom = 64 << 10

// A memory holds a segment's large arrays outside of the Go heap, which may grow
// to twice of what is in use before it is swept. It is given back when the
// collector finds it unused, so whoever works on the arrays keeps the snapshot
// alive that has them ([runtime.KeepAlive]).
type memory struct {
	free []byte // what is not handed out yet
}

func newMemory(n int) *memory {
	if n >= mappedFrom {
		if b := mapped(n); b != nil {
			m := &memory{free: b}
			runtime.AddCleanup(m, unmap, b)
			return m
		}
	}
	// As words, so that all that is handed out is aligned.
	words := make([]uint64, (n+7)/8)
	return &memory{free: bytesOf(words)[:n]}
}

// words hands out n words.
func (m *memory) words(n int) []uint64 {
	b := m.free[:8*n]
	m.free = m.free[8*n:]
	if n == 0 {
		return nil
	}
	return unsafe.Slice((*uint64)(unsafe.Pointer(&b[0])), n)
}

// rest hands out all that is left.
func (m *memory) rest() []byte {
	b := m.free
	m.free = nil
	return b
}

func bytesOf(words []uint64) []byte {
	if len(words) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&words[0])), 8*len(words))
}
