//go:build unix

package worker

import (
	"os"
	"syscall"
)

// ownGroup puts a child and what it starts, such as tesseract, into a process group
// of their own: they are ended together, and no key on a terminal reaches them.
func ownGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// killGroup ends a child that has not been waited for, and what it has started.
func killGroup(p *os.Process) { _ = syscall.Kill(-p.Pid, syscall.SIGKILL) }

// endGroup ends this process and what it has started.
func endGroup(status int) {
	if syscall.Getpgrp() == os.Getpid() {
		_ = syscall.Kill(0, syscall.SIGKILL)
	}
	os.Exit(status)
}

// wasKilled reports whether a process was ended from outside.
func wasKilled(s *os.ProcessState) bool {
	status, ok := s.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGKILL
}
