//go:build !amd64

package flat

// supportedKernels returns the kernels that this processor can run, the fastest
// first.
func supportedKernels() []kernels { return []kernels{portable()} }
