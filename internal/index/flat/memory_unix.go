//go:build unix

package flat

import "syscall"

// mapped returns n zeroed bytes from the system, nil if it gives none.
func mapped(n int) []byte {
	b, err := syscall.Mmap(-1, 0, n, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		return nil // the Go heap will do
	}
	return b
}

// unmap gives them back. It fails for what was never mapped only.
func unmap(b []byte) { _ = syscall.Munmap(b) }
