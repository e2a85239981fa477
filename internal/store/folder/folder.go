// Package folder makes a data folder and keeps other processes out of it.
package folder

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/gofrs/flock"

	"kvasir/internal/fault"
)

// A Folder is one that this process holds.
type Folder struct{ lock *flock.Flock }

// Hold makes the folder if need be and takes its lock, which ends with the process.
// It writes our pid beside it, so that the next process can say who is in its way.
// (Some systems do not let a locked file be read.)
func Hold(dir string) (*Folder, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("create data folder: %w", err)
	}
	lock := flock.New(filepath.Join(dir, "lock"))
	free, err := lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock data folder: %w", err)
	}
	pidFile := filepath.Join(dir, "pid")
	if !free {
		pid, err := os.ReadFile(pidFile)
		if err != nil {
			pid = []byte("unknown")
		}
		return nil, fault.New(fault.Conflict, fmt.Sprintf(
			"data folder %s is in use by another process (pid %s); stop it or name another folder",
			dir, strings.TrimSpace(string(pid))))
	}
	if err := os.WriteFile(pidFile, []byte(strconv.Itoa(os.Getpid())+"\n"), 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("write pid: %w", err), lock.Unlock())
	}
	return &Folder{lock}, nil
}

// Release lets others have the folder.
func (f *Folder) Release() error { return f.lock.Unlock() }
