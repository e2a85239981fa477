package worker

import (
	"bytes"
	"os"
	"strconv"
	"syscall"
)

// self returns the path of the running program, which stays good when the file is
// replaced by another version.
func self(path string) string {
	if own, err := os.Executable(); err == nil && own == path {
		return "/proc/self/exe"
	}
	return path
}

// confine has the system bound the memory of this process, far enough above the
// limit that the watch is first unless memory is taken faster than it looks, and
// has it end this process before others when the machine runs out.
func confine(memory int64) {
	_ = os.WriteFile("/proc/self/oom_score_adj", []byte("800"), 0)
	taken, ok := dataBytes()
	if !ok {
		return
	}
	most := taken + uint64(memory) + uint64(memory)/4 + 256<<20
	var now syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_DATA, &now) != nil || now.Cur <= most {
		return
	}
	_ = syscall.Setrlimit(syscall.RLIMIT_DATA, &syscall.Rlimit{Cur: most, Max: now.Max})
}

// dataBytes returns how much writable memory of its own the process has mapped.
func dataBytes() (uint64, bool) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, false
	}
	_, rest, _ := bytes.Cut(status, []byte("\nVmData:"))
	number, _, _ := bytes.Cut(bytes.TrimSpace(rest), []byte(" "))
	kilobytes, err := strconv.ParseUint(string(number), 10, 64)
	return kilobytes << 10, err == nil
}
