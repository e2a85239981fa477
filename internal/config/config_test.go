package config_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/google/go-cmp/cmp"

	"kvasir/internal/config"
)

// A command has the configuration among its flags.
type command struct {
	Config config.Config `embed:""`
}

// parser returns a parser as the program has it.
func parser(t *testing.T, cmd *command, env *config.Environment, out io.Writer) *kong.Kong {
	t.Helper()
	app, err := kong.New(cmd, append(env.Options(), kong.Writers(out, io.Discard), kong.Exit(func(int) {}))...)
	if err != nil {
		t.Fatal(err)
	}
	return app
}

func parse(t *testing.T, environ []string, args ...string) (*config.Config, *config.Environment, error) {
	t.Helper()
	env := config.NewEnvironment(slices.Concat([]string{"HOME=/home/me"}, environ))
	cmd := &command{}
	_, err := parser(t, cmd, env, io.Discard).Parse(args)
	return &cmd.Config, env, errors.Join(env.Err(), err)
}

func mustParse(t *testing.T, environ []string, args ...string) *config.Config {
	t.Helper()
	cfg, _, err := parse(t, environ, args...)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

func TestEveryOptionComesFromFlagVariableOrDefault(t *testing.T) {
	t.Parallel()
	listen := func(c *config.Config) any { return c.Listen }
	tests := []struct {
		name    string
		environ []string
		args    []string
		get     func(*config.Config) any
		want    any
	}{
		{"the default", nil, nil, listen, "127.0.0.1:8080"},
		{"a variable", []string{"KVASIR_LISTEN=0.0.0.0:9000"}, nil, listen, "0.0.0.0:9000"},
		{"a flag wins", []string{"KVASIR_LISTEN=0.0.0.0:9000"}, []string{"--listen=:7000"}, listen, ":7000"},
		{"an empty variable is unset", []string{"KVASIR_LISTEN="}, nil, listen, "127.0.0.1:8080"},
		{"Skald's port", []string{"EXPRESS_SERVER_PORT=3000"}, nil, listen, "127.0.0.1:3000"},
		{
			"our address before Skald's port", []string{"EXPRESS_SERVER_PORT=3000", "KVASIR_LISTEN=localhost:1"},
			nil, listen, "localhost:1",
		},
		{"a folder in the home", nil, nil, func(c *config.Config) any { return c.Data }, "/home/me/.local/share/kvasir"},
		{
			"the data folder of the desktop", []string{"XDG_DATA_HOME=/data"}, nil,
			func(c *config.Config) any { return c.Data }, "/data/kvasir",
		},
		{
			"the cache of the desktop", []string{"XDG_CACHE_HOME=/cache"}, nil,
			func(c *config.Config) any { return c.ModelDir }, "/cache/kvasir/models/minilm",
		},
		{"16 MiB", nil, nil, func(c *config.Config) any { return c.MaxBodyBytes }, int64(16 << 20)},
		{
			"a size with a unit", []string{"KVASIR_MAX_UPLOAD_BYTES=1.5 GB"}, nil,
			func(c *config.Config) any { return c.MaxUploadBytes }, int64(15e8),
		},
		{
			"no cache", []string{"KVASIR_VECTOR_CACHE_BYTES=0"}, nil,
			func(c *config.Config) any { return c.VectorCacheBytes }, int64(0),
		},
		{
			"a list", []string{"CORS_ALLOWED_ORIGINS=https://a.example,https://b.example"}, nil,
			func(c *config.Config) any { return c.AllowedOrigins }, []string{"https://a.example", "https://b.example"},
		},
		{
			"a yes of Skald's", []string{"ENABLE_SECURITY_SETTINGS=Y"}, nil,
			func(c *config.Config) any { return c.Security }, config.On,
		},
		{
			"a no of Skald's", []string{"ENABLE_SECURITY_SETTINGS=False"}, nil,
			func(c *config.Config) any { return c.Security }, config.Off,
		},
		{
			"a secret", []string{"OPENAI_API_KEY=sk-1"}, nil,
			func(c *config.Config) any { return c.OpenAIKey.Reveal() }, "sk-1",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := tt.get(mustParse(t, tt.environ, tt.args...))
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("with %v %v (-want +got):\n%s", tt.environ, tt.args, diff)
			}
		})
	}
}

func TestTheDefaultsAreValid(t *testing.T) {
	t.Parallel()
	cfg := mustParse(t, nil) // which validates
	if _, err := cfg.Models(false); err != nil {
		t.Error(err)
	}
}

func TestAllFaultsAreToldTogether(t *testing.T) {
	t.Parallel()
	_, _, err := parse(t, []string{"HOME=", "EMBEDDING_VECTOR_DIMENSION=many", "ENABLE_SECURITY_SETTINGS=maybe"},
		"--api-key=sk_proj_short", "--log-level=loud", "--log-format=xml", "--openai-base-url=example.com",
		"--embed-concurrency=0", "--answer-timeout=1ms", "--allowed-origins=*")
	got := fmt.Sprint(err)
	for _, name := range []string{
		"EMBEDDING_VECTOR_DIMENSION", "ENABLE_SECURITY_SETTINGS", "KVASIR_DATA", "KVASIR_MODEL_DIR", "KVASIR_API_KEY",
		"LOG_LEVEL", "KVASIR_LOG_FORMAT", "OPENAI_BASE_URL", "KVASIR_EMBED_CONCURRENCY", "KVASIR_ANSWER_TIMEOUT",
		"CORS_ALLOWED_ORIGINS",
	} {
		if !strings.Contains(got, name+": ") {
			t.Errorf("no fault names %s:\n%s", name, got)
		}
	}
	if strings.Contains(got, "sk_proj_short") {
		t.Errorf("a fault tells a secret:\n%s", got)
	}
}

func TestValuesThatCannotBeRead(t *testing.T) {
	t.Parallel()
	for _, arg := range []string{
		"--listen=localhost", "--listen=localhost:http-alt-x", "--listen=127.0.0.1:65536", "--listen=-1",
		"--max-body-bytes=16 apples", "--max-body-bytes=0", "--max-body-bytes=-1MiB", "--max-body-bytes=NaN",
		"--max-body-bytes=1e30", "--embed-rpm=NaN", "--hedge-share=2", "--budget-day=-1", "--models=/nowhere/lanes.toml",
		"--development=perhaps", "--answer-timeout=28",
	} {
		t.Run(arg, func(t *testing.T) {
			t.Parallel()
			if cfg, _, err := parse(t, nil, arg); err == nil {
				t.Errorf("%s was taken: %+v", arg, cfg)
			}
		})
	}
}

func TestProvidersFollowFromWhatIsSet(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		environ []string
		minilm  bool
		want    [3]string // embeddings, answers, reranking
		others  []string  // generators after the first
		fault   string
	}{
		{"nothing", nil, false, [3]string{"none", "extractive", "none"}, nil, ""},
		{"the offline model", nil, true, [3]string{"minilm", "extractive", "none"}, nil, ""},
		{
			"OpenAI's key", []string{"OPENAI_API_KEY=k"}, true,
			[3]string{"openai", "openai", "none"}, []string{"extractive"}, "",
		},
		{
			"a key, and words alone asked for", []string{"OPENAI_API_KEY=k", "EMBEDDING_PROVIDER=none"}, true,
			[3]string{"none", "openai", "none"}, []string{"extractive"}, "",
		},
		{"Voyage's key", []string{"VOYAGE_API_KEY=k"}, false, [3]string{"none", "extractive", "voyage"}, nil, ""},
		{
			"Voyage for vectors", []string{"VOYAGE_API_KEY=k", "EMBEDDING_PROVIDER=voyage"}, true,
			[3]string{"voyage", "extractive", "voyage"}, nil, "",
		},
		{
			"Voyage for vectors without a key", []string{"EMBEDDING_PROVIDER=voyage"}, false,
			[3]string{"voyage", "extractive", "none"}, nil, "VOYAGE_API_KEY: ",
		},
		{
			"the embedding service", []string{"EMBEDDING_SERVICE_URL=http://e"}, false,
			[3]string{"none", "extractive", "local"}, nil, "",
		},
		{
			"Voyage before the service", []string{"VOYAGE_API_KEY=k", "EMBEDDING_SERVICE_URL=http://e"}, false,
			[3]string{"none", "extractive", "voyage"}, nil, "",
		},
		{
			"a local model beside OpenAI", []string{"OPENAI_API_KEY=k", "LLM_PROVIDER=local", "LOCAL_LLM_BASE_URL=http://l/v1"},
			false, [3]string{"openai", "local", "none"}, []string{"openai", "extractive"}, "",
		},
		{
			"a compatible server without a key", []string{"OPENAI_BASE_URL=http://l/v1", "LLM_PROVIDER=openai"}, false,
			[3]string{"none", "openai", "none"}, []string{"extractive"}, "",
		},
		{
			"OpenAI without a key", []string{"LLM_PROVIDER=openai"}, false,
			[3]string{"none", "openai", "none"}, []string{"extractive"}, "OPENAI_API_KEY: LLM_PROVIDER=openai needs it",
		},
		{
			"a local model at no address", []string{"LLM_PROVIDER=local"}, false,
			[3]string{"none", "local", "none"}, []string{"extractive"}, "LOCAL_LLM_BASE_URL: ",
		},
		{
			"the offline model, not installed", []string{"EMBEDDING_PROVIDER=minilm"}, false,
			[3]string{"minilm", "extractive", "none"}, nil, "EMBEDDING_PROVIDER: no model is installed in /home/me/",
		},
		{
			"Voyage without a key", []string{"RERANKING_PROVIDER=voyage"}, false,
			[3]string{"none", "extractive", "voyage"}, nil, "VOYAGE_API_KEY: ",
		},
		{"Cohere's key", []string{"COHERE_API_KEY=k"}, false, [3]string{"none", "extractive", "cohere"}, nil, ""},
		{"Jina's key", []string{"JINA_API_KEY=k"}, false, [3]string{"none", "extractive", "jina"}, nil, ""},
		{
			"Voyage before the others", []string{"JINA_API_KEY=k", "COHERE_API_KEY=k", "VOYAGE_API_KEY=k"}, false,
			[3]string{"none", "extractive", "voyage"}, nil, "",
		},
		{
			"Cohere without a key", []string{"RERANKING_PROVIDER=cohere"}, false,
			[3]string{"none", "extractive", "cohere"}, nil, "COHERE_API_KEY: RERANKING_PROVIDER=cohere needs it",
		},
		{
			"Jina without a key", []string{"RERANKING_PROVIDER=jina"}, false,
			[3]string{"none", "extractive", "jina"}, nil, "JINA_API_KEY: ",
		},
		{
			"a server that speaks as Cohere does", []string{"RERANKING_PROVIDER=cohere", "COHERE_BASE_URL=http://v/v1"}, false,
			[3]string{"none", "extractive", "cohere"}, nil, "",
		},
		{
			"the model that answers", []string{"RERANKING_PROVIDER=llm", "GROQ_API_KEY=k"}, false,
			[3]string{"none", "extractive", "llm"}, []string{"groq"}, "",
		},
		{
			"a model that answers, and none is there", []string{"RERANKING_PROVIDER=llm"}, false,
			[3]string{"none", "extractive", "llm"}, nil, "RERANKING_PROVIDER: llm needs a model that writes answers",
		},
		{
			"a provider we do not know", []string{"LLM_PROVIDER=bedrock"}, false,
			[3]string{"none", "bedrock", "none"}, []string{"extractive"}, `LLM_PROVIDER: "bedrock" is not one of openai`,
		},
		{
			"Anthropic", []string{"LLM_PROVIDER=anthropic", "ANTHROPIC_API_KEY=k"}, false,
			[3]string{"none", "anthropic", "none"}, []string{"extractive"}, "",
		},
		{
			"Anthropic without a key", []string{"LLM_PROVIDER=anthropic"}, false,
			[3]string{"none", "anthropic", "none"}, []string{"extractive"}, "ANTHROPIC_API_KEY: LLM_PROVIDER=anthropic needs it",
		},
		{
			"Gemini without a key", []string{"LLM_PROVIDER=gemini"}, false,
			[3]string{"none", "gemini", "none"}, []string{"extractive"}, "GEMINI_API_KEY: ",
		},
		{
			"Groq without a key", []string{"LLM_PROVIDER=groq"}, false,
			[3]string{"none", "groq", "none"}, []string{"extractive"}, "GROQ_API_KEY: ",
		},
		{
			"keys that make providers available, and none the default",
			[]string{"GEMINI_API_KEY=k", "GROQ_API_KEY=k", "ANTHROPIC_API_KEY=k"}, false,
			[3]string{"none", "extractive", "none"}, []string{"anthropic", "groq", "gemini"}, "",
		},
		{
			"every provider, in Skald's order",
			[]string{
				"GEMINI_API_KEY=k", "GROQ_API_KEY=k", "ANTHROPIC_API_KEY=k", "OPENAI_API_KEY=k",
				"LOCAL_LLM_BASE_URL=http://l/v1", "LLM_PROVIDER=groq",
			},
			false, [3]string{"openai", "groq", "none"},
			[]string{"openai", "anthropic", "local", "gemini", "extractive"}, "",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m, err := mustParse(t, tt.environ).Models(tt.minilm)
			if got := fmt.Sprint(err); tt.fault == "" && err != nil || !strings.Contains(got, tt.fault) {
				t.Errorf("error %v, want %q", err, tt.fault)
			}
			got := [3]string{m.Embeddings.Provider, m.Answers.Provider, m.Reranking.Provider}
			if got != tt.want {
				t.Errorf("providers %v, want %v", got, tt.want)
			}
			if diff := cmp.Diff(append([]string{tt.want[1]}, tt.others...), m.Pools()); diff != "" {
				t.Errorf("generators (-want +got):\n%s", diff)
			}
			for _, c := range []config.Choice{m.Embeddings, m.Answers, m.Reranking} {
				if c.Why == "" {
					t.Errorf("no reason is given for %q", c.Provider)
				}
			}
		})
	}
}

func TestEmbeddingServiceHasSkaldsDefault(t *testing.T) {
	t.Parallel()
	for address, environ := range map[string][]string{
		"http://localhost:8001": {"EMBEDDING_PROVIDER=local"},
		"http://e":              {"EMBEDDING_PROVIDER=local", "EMBEDDING_SERVICE_URL=http://e"},
	} {
		m, err := mustParse(t, environ).Models(false)
		if err != nil || len(m.Embed) != 1 || m.Embed[0].Protocol != config.Service || m.Embed[0].BaseURL != address {
			t.Errorf("with %v: %+v, %v", environ, m.Embed, err)
		}
	}
}

func TestProtection(t *testing.T) {
	t.Parallel()
	tests := []struct {
		environ []string
		want    config.Protection
	}{
		{nil, config.Protection{Headers: true}},
		{[]string{"ENABLE_SECURITY_SETTINGS=true"}, config.Protection{Headers: true}},
		{[]string{"ENABLE_SECURITY_SETTINGS=false"}, config.Protection{}},
		{[]string{"IS_DEVELOPMENT=true"}, config.Protection{}},
		{
			[]string{"IS_DEVELOPMENT=true", "ENABLE_SECURITY_SETTINGS=1"},
			config.Protection{Headers: true},
		},
		{[]string{"IS_SELF_HOSTED_DEPLOY=no"}, config.Protection{Headers: true, HSTS: true}},
	}
	for _, tt := range tests {
		if got := mustParse(t, tt.environ).Protection(); got != tt.want {
			t.Errorf("Protection() with %v = %+v, want %+v", tt.environ, got, tt.want)
		}
	}
}

func TestOrigins(t *testing.T) {
	t.Parallel()
	tests := []struct {
		environ []string
		want    []string
	}{
		{nil, []string{"http://localhost:5173"}},
		{[]string{"IS_DEVELOPMENT=1"}, []string{"http://localhost:8000", "http://localhost:3000", "http://localhost:5173"}},
		{
			[]string{"FRONTEND_URL=https://ui.example/app", "API_URL=https://api.example"},
			[]string{"https://ui.example", "https://api.example"},
		},
		{[]string{"CORS_ALLOWED_ORIGINS=https://a.example", "IS_DEVELOPMENT=1"}, []string{"https://a.example"}},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, mustParse(t, tt.environ).Origins()); diff != "" {
			t.Errorf("Origins() with %v (-want +got):\n%s", tt.environ, diff)
		}
	}
}

func TestLevels(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]slog.Level{
		"": slog.LevelInfo, "trace": slog.LevelDebug, "DEBUG": slog.LevelDebug, "warn": slog.LevelWarn,
		"fatal": slog.LevelError,
	} {
		if got := mustParse(t, []string{"LOG_LEVEL=" + name}).Level(); got != want {
			t.Errorf("Level() of %q = %v, want %v", name, got, want)
		}
	}
}

func TestSecretsNeverShow(t *testing.T) {
	t.Parallel()
	lanes := write(t, "lanes.toml", "[[provider]]\nname = 'openai'\nkeys = ['$OPENAI_API_KEY']\n"+
		"[[embed]]\nprovider = 'openai'\nmodel = 'm'\n")
	cfg := mustParse(t, []string{
		"OPENAI_API_KEY=topsecret", "VOYAGE_API_KEY=topsecret", "COHERE_API_KEY=topsecret", "JINA_API_KEY=topsecret",
		"LOCAL_LLM_API_KEY=topsecret",
		"KVASIR_METRICS_TOKEN=topsecret", "KVASIR_MODELS=" + lanes,
	})
	encoded, err := json.Marshal(cfg)
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	logger := slog.New(slog.NewMultiHandler(slog.NewTextHandler(&log, nil), slog.NewJSONHandler(&log, nil)))
	logger.Info("configuration", "key", cfg.OpenAIKey, "all", cfg)
	printed := []string{string(encoded), log.String()}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		printed = append(printed, fmt.Sprintf(verb, cfg.OpenAIKey), fmt.Sprintf(verb, *cfg))
	}
	shown := strings.Join(printed, "\n")
	if strings.Contains(shown, "topsecret") || strings.Contains(shown, fmt.Sprintf("%x", "topsecret")) {
		t.Errorf("a secret shows:\n%s", shown)
	}
	if got := fmt.Sprint(config.Secret("")); got != "" {
		t.Errorf("an empty secret prints as %q", got)
	}
}

func TestVariablesWithoutEffectAreTold(t *testing.T) {
	t.Parallel()
	env := config.NewEnvironment([]string{
		"DB_HOST=db", "RABBITMQ_QUEUE_NAME=q", "POST_RERANK_TOP_K=10", "HOME=/home/me", "LOG_LEVEL=info", "DBX=1",
		"REDIS_URL=", "BEDROCK_ENABLED=true", "ANTHROPIC_API_KEY=secret", "AWS_REGION=eu-north-1", "SQS_QUEUE_URL=q",
	})
	var names []string
	for _, v := range env.Unused() {
		names = append(names, v.Name)
		if v.Why == "" {
			t.Errorf("no reason is given for %s", v.Name)
		}
	}
	want := []string{
		"AWS_REGION", "BEDROCK_ENABLED", "DB_HOST", "POST_RERANK_TOP_K", "RABBITMQ_QUEUE_NAME", "SQS_QUEUE_URL",
	}
	if !slices.Equal(names, want) {
		t.Errorf("Unused() = %v, want %v", names, want)
	}
}

func TestEveryOptionIsInTheManual(t *testing.T) {
	t.Parallel()
	var help strings.Builder
	env := config.NewEnvironment([]string{"HOME=/home/me"})
	app := parser(t, &command{}, env, &help)
	for _, flag := range app.Model.Flags {
		if flag.Name != "help" && flag.Help == "" {
			t.Errorf("--%s has no comment", flag.Name)
		}
	}
	if _, err := app.Parse([]string{"--help"}); err != nil {
		t.Fatal(err)
	}
	unwrapped := strings.Join(strings.Fields(help.String()), " ")
	for variable := range variablesOf(reflect.TypeFor[config.Config]()) {
		if !strings.Contains(unwrapped, "$"+variable) {
			t.Errorf("the help does not name %s", variable)
		}
	}
	want := "Where minilm is installed. Default: /home/me/.cache/kvasir/models/minilm."
	if !strings.Contains(unwrapped, want) {
		t.Errorf("the help lacks %q:\n%s", want, help.String())
	}
}

// variablesOf yields the variables that fill the fields of a struct.
func variablesOf(t reflect.Type) func(func(string) bool) {
	return func(yield func(string) bool) {
		for _, field := range reflect.VisibleFields(t) {
			if list := field.Tag.Get("variable"); list != "" {
				for name := range strings.SplitSeq(list, ",") {
					if !yield(name) {
						return
					}
				}
			}
		}
	}
}
