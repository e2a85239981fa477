package app

import (
	"os"
	"runtime/debug"

	"kvasir/internal/config"
)

const (
	workBytes  = 160 << 20 // for requests, and memos on their way
	modelBytes = 192 << 20 // for the offline model
)

// boundMemory has the garbage collector run more often before the process is larger
// than what it is allowed for indexes and what its work takes. Unless GOMEMLIMIT says
// otherwise; the limit is a soft one, and nothing fails at it.
func boundMemory(cfg *config.Config, models config.Models) {
	if os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	limit := cfg.IndexBytes + workBytes
	for _, l := range models.Embed {
		if l.Protocol == config.MiniLM {
			limit += modelBytes
		}
	}
	debug.SetMemoryLimit(limit)
}
