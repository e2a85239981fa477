package cli

import (
	"runtime"
	"runtime/debug"

	"kvasir/internal/app"
)

// A versionCommand prints what is running.
type versionCommand struct {
	JSON bool `name:"json" help:"Print JSON."`
}

// Help shows an example.
func (versionCommand) Help() string {
	return "Example:\n\n    kvasir version"
}

// Run prints the version, and the revision it was built from if that is known.
func (c *versionCommand) Run(s *session) error {
	built := revision()
	if c.JSON {
		return s.printJSON(map[string]string{
			"version": app.Version, "revision": built, "go": runtime.Version(), "system": runtime.GOOS + "/" + runtime.GOARCH,
		})
	}
	if built != "" {
		built = " revision " + built + ","
	}
	s.out.printf("kvasir %s,%s %s %s/%s\n", app.Version, built, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return nil
}

// revision returns the commit that the program was built from, "" if unknown.
func revision() string {
	info, _ := debug.ReadBuildInfo() // none without modules
	if info == nil {
		return ""
	}
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" {
			return setting.Value
		}
	}
	return ""
}
