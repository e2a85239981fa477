//go:build !unix

package worker

import (
	"os"
	"syscall"
)

// ownGroup asks for nothing: only Unix has process groups.
func ownGroup() *syscall.SysProcAttr { return nil }

// killGroup ends a child. What it has started ends by itself.
func killGroup(p *os.Process) { _ = p.Kill() }

// endGroup ends this process.
func endGroup(status int) { os.Exit(status) }

// wasKilled reports whether a process was ended from outside, which cannot be known.
func wasKilled(*os.ProcessState) bool { return false }
