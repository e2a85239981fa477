package config

import (
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// An Environment fills options from variables, by their tag "variable": a comma
// list, the first that is set and not empty counts. It is the only reader of
// variables, and it reads those of a value, not of the process, so that tests
// may run side by side.
type Environment struct {
	values map[string]string
	faults []error
}

// NewEnvironment reads variables in the form of os.Environ.
func NewEnvironment(environ []string) *Environment {
	e := &Environment{values: map[string]string{}}
	for _, pair := range environ {
		if name, value, _ := strings.Cut(pair, "="); name != "" {
			e.values[name] = value
		}
	}
	return e
}

// Get returns a variable's value, "" if it is unset.
func (e *Environment) Get(name string) string { return e.values[name] }

// Err returns all variables that cannot be read, joined. The options they would
// have filled are at their defaults.
func (e *Environment) Err() error { return errors.Join(e.faults...) }

// Options makes a parser fill and explain the fields of a [Config].
func (e *Environment) Options() []kong.Option {
	return []kong.Option{
		kong.Resolvers(kong.ResolverFunc(e.resolve)),
		kong.NamedMapper("address", mapper(parseAddress)),
		kong.NamedMapper("bytes", mapper(parseBytes)),
		kong.NamedMapper("lanes", mapper(e.readLanes)),
		kong.Vars{
			"data":      under(e.dataHome(), "kvasir"),
			"models":    under(e.cacheHome(), "kvasir", "models", "minilm"),
			"embedding": "text-embedding-3-large",
			"jina":      "jina-reranker-v2-base-multilingual",
			"gemini":    "https://generativelanguage.googleapis.com",
			"level":     "info", // a command may set another
		},
		kong.ValueFormatter(explain),
		kong.PostBuild(func(k *kong.Kong) error { return document(k.Model) }),
	}
}

// resolve finds a flag's value among the variables. A value that cannot be read
// is a fault for [Environment.Err], so that all of them are told at once.
func (e *Environment) resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	for _, name := range variables(flag.Value) {
		raw := e.values[name]
		if raw == "" {
			continue
		}
		scan := kong.ScanFromTokens(kong.Token{Type: kong.FlagValueToken, Value: raw})
		scratch := reflect.New(flag.Target.Type()).Elem()
		if err := flag.Mapper.Decode(&kong.DecodeContext{Value: flag.Value, Scan: scan}, scratch); err != nil {
			e.faults = append(e.faults, fmt.Errorf("%s: %w", name, err))
			return nil, nil
		}
		return raw, nil
	}
	return nil, nil
}

// variables returns the names that may fill a value.
func variables(v *kong.Value) []string {
	if list := v.Tag.Get("variable"); list != "" {
		return strings.Split(list, ",")
	}
	return nil
}

// mapper decodes one word by parse.
func mapper[T any](parse func(string) (T, error)) kong.MapperFunc {
	return func(ctx *kong.DecodeContext, target reflect.Value) error {
		var word string
		if err := ctx.Scan.PopValueInto("value", &word); err != nil {
			return err
		}
		v, err := parse(word)
		if err != nil {
			return err
		}
		target.Set(reflect.ValueOf(v))
		return nil
	}
}

// dataHome returns the user's folder for data, "" if there is none.
func (e *Environment) dataHome() string {
	switch runtime.GOOS {
	case "windows":
		return e.Get("LocalAppData")
	case "darwin":
		return under(e.Get("HOME"), "Library", "Application Support")
	}
	if dir := e.Get("XDG_DATA_HOME"); path.IsAbs(dir) {
		return dir
	}
	return under(e.Get("HOME"), ".local", "share")
}

// cacheHome returns what os.UserCacheDir does, "" if there is none.
func (e *Environment) cacheHome() string {
	switch runtime.GOOS {
	case "windows":
		return e.Get("LocalAppData")
	case "darwin":
		return under(e.Get("HOME"), "Library", "Caches")
	}
	if dir := e.Get("XDG_CACHE_HOME"); path.IsAbs(dir) {
		return dir
	}
	return under(e.Get("HOME"), ".cache")
}

// under joins a path below a folder; below none there is nothing.
func under(dir string, elem ...string) string {
	if dir == "" {
		return ""
	}
	return filepath.Join(slices.Concat([]string{dir}, elem)...)
}
