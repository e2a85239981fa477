package cli

import (
	"cmp"
	"runtime"
	"runtime/debug"
)

// A versionCommand prints what is running.
type versionCommand struct {
	JSON bool `name:"json" help:"Print JSON."`
}

// Help shows examples.
func (versionCommand) Help() string {
	return "Example:\n\n    kvasir version"
}

// Run prints the version.
func (c *versionCommand) Run(s *session) error {
	if c.JSON {
		return s.printJSON(map[string]string{"version": version(), "go": runtime.Version()})
	}
	s.out.printf("kvasir %s (%s, %s/%s)\n", version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return nil
}

// version returns the module's version, or the revision it was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	revision := ""
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" {
			revision = setting.Value[:min(12, len(setting.Value))]
		}
	}
	if v := info.Main.Version; v != "(devel)" {
		return cmp.Or(v, revision, "unknown")
	}
	return cmp.Or(revision, "devel")
}
