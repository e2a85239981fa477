package importtest

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A layer is a floor of the house. Rooms of one floor do not import each other
// unless ordered says that they are listed from the top down.
type layer struct {
	name    string
	ordered bool
	rooms   []string
	below   []string // the layers its rooms may import
}

var house = []layer{
	{"assembly", true, []string{"cli", "app", "bench", "config"}, []string{"edges", "use cases", "capabilities", "words"}},
	{"edges", false, []string{"api", "dashboard", "mcpserver"}, []string{"use cases", "words"}},
	{"use cases", false, []string{"ingest", "search", "chat", "notify", "evaluate", "access", "backup"}, []string{"words"}},
	{
		"capabilities", false,
		[]string{"dispatch", "provider", "store", "index", "queue", "parse", "fetch", "blob", "telemetry"},
		[]string{"words"},
	},
	{
		"words", true,
		[]string{
			"conversation", "retrieval", "event", "memo", "account", "experiment", "ledger", "rank", "chunk", "lexical", "llm", "fault",
		},
		nil,
	},
	{"tests", false, []string{"importtest", "testenv"}, nil},
}

// exceptions are imports that the floors forbid and a decision allows.
var exceptions = map[[2]string]string{
	{"cli", "config"}: "assembly is ordered, and cli fills the configuration",
}

// libraries says which rooms may import an outside module: one each, besides
// tests, so that a vendor's vocabulary stays in its room.
var libraries = map[string][]string{
	"github.com/alecthomas/kong":            {"cli", "config"},
	"github.com/blevesearch/snowballstem":   {"lexical"},
	"github.com/danielgtaylor/huma":         {"api"},
	"github.com/gofrs/flock":                {"store"},
	"github.com/google/uuid":                {"ingest", "notify", "store"},
	"github.com/jackc/pgx":                  {"store", "testenv"},
	"github.com/klippa-app/go-pdfium":       {"parse"},
	"github.com/minio/minio-go":             {"blob"},
	"github.com/pelletier/go-toml":          {"config"},
	"github.com/pressly/goose":              {"store"},
	"github.com/prometheus/client_golang":   {"telemetry"},
	"github.com/santhosh-tekuri/jsonschema": {"chat"},
	"github.com/schollz/progressbar":        {"cli"},
	"github.com/swaggest/swgui":             {"api"},
	"github.com/tetratelabs/wazero":         {"parse"},
	"go.opentelemetry.io/otel":              {"telemetry"},
	"go.opentelemetry.io/proto/otlp":        {"telemetry"},
	"golang.org/x/net":                      {"parse"},
	"golang.org/x/sync":                     {"*"},
	"golang.org/x/sys":                      {"index", "provider"},
	"golang.org/x/term":                     {"cli"},
	"golang.org/x/text":                     {"chat", "cli", "lexical", "parse", "provider"},
	"modernc.org/sqlite":                    {"store"},
}

const module = "kvasir"

// anImport is one import line.
type anImport struct {
	file string // slash-separated, below the module's root
	path string
	test bool
}

func TestImportsGoDownTheHouse(t *testing.T) {
	for _, im := range imports(t) {
		to, ours := strings.CutPrefix(im.path, module+"/")
		if !ours || im.test {
			continue
		}
		if why := forbidden(path.Dir(im.file), to); why != "" {
			t.Errorf("%s imports %s: %s", im.file, im.path, why)
		}
	}
}

// forbidden says why a package may not import another of this module, "" if it
// may. Both are directories.
func forbidden(from, to string) string {
	switch {
	case !strings.HasPrefix(from, "internal/"):
		return forbiddenOutside(from, to)
	case !strings.HasPrefix(to, "internal/"):
		if room(from) == "cli" || room(from) == "app" || room(from) == "bench" {
			return ""
		}
		return "only assembly knows the client and the embedded documents"
	}
	a, b := room(from), room(to)
	la, lb := floor(a), floor(b)
	switch {
	case la == nil:
		return "room " + a + " is not in the house; add it to doc/architecture.md and to this test"
	case lb == nil:
		return "room " + b + " is not in the house; add it to doc/architecture.md and to this test"
	case a == b && (strings.HasPrefix(from+"/", to+"/") || strings.HasPrefix(to+"/", from+"/")):
		return ""
	case a == b:
		return siblings(from, to)
	case exceptions[[2]string{a, b}] != "":
		return ""
	case la == lb && la.ordered && slices.Index(la.rooms, a) < slices.Index(la.rooms, b):
		return ""
	case slices.Contains(la.below, lb.name):
		return ""
	}
	return "room " + a + " (" + la.name + ") may not know room " + b + " (" + lb.name + ")"
}

// plumbing are packages that their siblings share.
var plumbing = []string{
	"internal/provider/exchange", "internal/provider/schema",
	"internal/parse/archive", "internal/parse/charset", "internal/parse/compound", "internal/parse/markdown",
	"internal/store/folder", "internal/store/group",
}

// siblings judges imports inside one room: adapters of one kind share a package of
// plumbing, and know nothing of each other.
func siblings(from, to string) string {
	if slices.Contains(plumbing, to) || strings.HasPrefix(from, "internal/index/") {
		return ""
	}
	return "packages of one room know only their parent, their children and the plumbing"
}

func forbiddenOutside(from, to string) string {
	switch {
	case from == "client":
		return "the client stands alone"
	case from == "cmd/kvasir" && to == "internal/cli":
		return ""
	case strings.HasPrefix(from, "examples/") && to == "client":
		return ""
	}
	return "only cmd/kvasir reaches into the house, through cli; examples use the client"
}

func TestOutsideLibrariesStayInTheirRoom(t *testing.T) {
	for _, im := range imports(t) {
		first, _, _ := strings.Cut(im.path, "/")
		if im.test || first == module || !strings.Contains(first, ".") {
			continue
		}
		rooms, known := []string(nil), false
		for lib, r := range libraries {
			if im.path == lib || strings.HasPrefix(im.path, lib+"/") {
				rooms, known = r, true
			}
		}
		if !known {
			t.Errorf("%s imports %s: name it in doc/dependencies.md and in this test", im.file, im.path)
			continue
		}
		if r := room(path.Dir(im.file)); !slices.Contains(rooms, r) && rooms[0] != "*" {
			t.Errorf("%s imports %s, which belongs to %v", im.file, im.path, rooms)
		}
	}
}

func TestDependenciesAreWrittenDown(t *testing.T) {
	doc, err := os.ReadFile("../../doc/dependencies.md")
	if err != nil {
		t.Fatal(err)
	}
	mod, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(mod)) {
		fields := strings.Fields(line)
		if len(fields) != 2 || !strings.HasPrefix(fields[1], "v") || fields[0] == "go" {
			continue
		}
		if !strings.Contains(string(doc), "`"+fields[0]+"`") {
			t.Errorf("go.mod requires %s, and doc/dependencies.md does not say why", fields[0])
		}
	}
}

func room(dir string) string {
	parts := strings.Split(dir, "/")
	if parts[0] != "internal" || len(parts) < 2 {
		return parts[0]
	}
	return parts[1]
}

func floor(room string) *layer {
	for i := range house {
		if slices.Contains(house[i].rooms, room) {
			return &house[i]
		}
	}
	return nil
}

// imports reads the import lines of every Go file in the module.
func imports(t *testing.T) []anImport {
	t.Helper()
	var out []anImport
	root := os.DirFS("../..")
	err := fs.WalkDir(root, ".", func(file string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && file != "." && (d.Name()[0] == '.' || d.Name() == "testdata" || d.Name() == "node_modules"):
			return fs.SkipDir
		case d.IsDir() || path.Ext(file) != ".go":
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join("../..", file), nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range f.Imports {
			p, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			out = append(out, anImport{file: file, path: p, test: strings.HasSuffix(file, "_test.go")})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out) == 0 {
		t.Fatal("no imports found: the test looks at the wrong place")
	}
	return out
}
