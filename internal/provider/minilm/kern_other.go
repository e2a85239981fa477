//go:build !amd64

package minilm

// There are no kernels for this processor: multiply and exp take the plain way.
const fastKernels = false

func kern6x16(int, *float32, int, *float32, *float32, int) {}

func vexp(*float32, int) {}
