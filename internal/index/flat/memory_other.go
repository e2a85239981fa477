//go:build !unix

package flat

// mapped returns nil: memory is taken from the Go heap.
func mapped(int) []byte { return nil }

func unmap([]byte) {}
