package minilm

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"kvasir/internal/llm"
)

func TestNewTellsTheModelsLimits(t *testing.T) {
	t.Parallel()
	got := tiny(t, nil).Spec()
	want := llm.EmbedSpec{
		Model: got.Model, Dimensions: 64, MaxTokens: 18, MaxItems: maxItems, MaxBatchTokens: maxBatchTokens,
	}
	if got != want {
		t.Errorf("Spec() = %+v, want %+v", got, want)
	}
	if !strings.HasPrefix(got.Model, "minilm/bert-L2-H64@") {
		t.Errorf("the model is called %q", got.Model)
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		edit func(map[string][]byte)
		want string
	}{
		{"no weights", func(f map[string][]byte) { delete(f, "tiny.safetensors") }, "no *.safetensors file in"},
		{"no tokenizer", func(f map[string][]byte) { delete(f, tokenizerFile) }, "tokenizer.json: no such file"},
		{
			"two models", func(f map[string][]byte) { f["other.safetensors"] = nil },
			"several weights files in",
		},
		{
			"weights cut short", func(f map[string][]byte) { f["tiny.safetensors"] = f["tiny.safetensors"][:50000] },
			"the file is cut short or damaged",
		},
		{"no JSON in config.json", func(f map[string][]byte) { f[configFile] = []byte("{") }, "config.json: unexpected EOF"},
		{
			"another architecture", func(f map[string][]byte) { f[configFile] = []byte(`{"model_type": "llama"}`) },
			`a "llama" with activation "gelu"`,
		},
		{
			"another activation", func(f map[string][]byte) { f[configFile] = []byte(`{"hidden_act": "relu"}`) },
			`activation "relu"`,
		},
		{
			"heads that do not fit",
			func(f map[string][]byte) { f[configFile] = []byte(`{"num_attention_heads": 5}`) },
			"with 5 heads cannot be run",
		},
		{
			"no transformer", func(f map[string][]byte) { f["tiny.safetensors"] = tensorFile("{}", 0) },
			"not a BERT: 0 tensors named embeddings.word_embeddings.weight",
		},
		{
			"no layers",
			func(f map[string][]byte) {
				w := randomWeights(tinyShape, 1)
				delete(w, "encoder.layer.0.output.dense.weight")
				f["tiny.safetensors"] = w.file(t, "F16")
			},
			"a model of 0 layers",
		},
		{
			"no positions",
			func(f map[string][]byte) {
				w := randomWeights(tinyShape, 1)
				delete(w, "embeddings.position_embeddings.weight")
				f["tiny.safetensors"] = w.file(t, "F16")
			},
			"a model of 0 positions",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			files := tinyFiles(t)
			tt.edit(files)
			dir := folderOf(t, files)
			_, err := New(dir, nil)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("New = %v, want an error with %q", err, tt.want)
			}
			if Installed(dir) {
				t.Error("Installed reports true")
			}
			if st := Inspect(dir); st.Installed || !strings.Contains(st.Problem, tt.want) {
				t.Errorf("Inspect = %+v, want a problem with %q", st, tt.want)
			}
		})
	}
}

func TestInspect(t *testing.T) {
	t.Parallel()
	files := tinyFiles(t)
	dir := folderOf(t, files)
	want := Status{
		Dir: dir, Installed: true, Model: tiny(t, nil).Spec().Model,
		Bytes: int64(len(files["tiny.safetensors"]) + len(files[tokenizerFile])),
	}
	if got := Inspect(dir); got != want {
		t.Errorf("Inspect = %+v, want %+v", got, want)
	}
	if missing := filepath.Join(dir, "missing"); Installed(missing) {
		t.Error("a model is installed in a folder that is not there")
	}
}

func TestIdentityFollowsWhatMakesTheVectors(t *testing.T) {
	t.Parallel()
	identity := func(t *testing.T, edit func(map[string][]byte)) string {
		t.Helper()
		files := tinyFiles(t)
		edit(files)
		e, err := New(folderOf(t, files), nil)
		if err != nil {
			t.Fatal(err)
		}
		return e.Spec().Model
	}
	same := identity(t, func(map[string][]byte) {})
	renamed := identity(t, func(f map[string][]byte) {
		f["model.safetensors"] = f["tiny.safetensors"]
		delete(f, "tiny.safetensors")
	})
	if renamed != same {
		t.Errorf("the identity of the same model by another name is %q, want %q", renamed, same)
	}
	seen := map[string]string{same: "the model"}
	for name, edit := range map[string]func(map[string][]byte){
		"other weights": func(f map[string][]byte) { f["tiny.safetensors"] = randomWeights(tinyShape, 2).file(t, "F16") },
		"wider numbers": func(f map[string][]byte) { f["tiny.safetensors"] = randomWeights(tinyShape, 1).file(t, "F32") },
		"the last byte": func(f map[string][]byte) {
			f["tiny.safetensors"] = bytes.Clone(f["tiny.safetensors"])
			f["tiny.safetensors"][len(f["tiny.safetensors"])-1] ^= 1
		},
		"another tokenizer": func(f map[string][]byte) { f[tokenizerFile] = append(f[tokenizerFile], ' ') },
		"another epsilon": func(f map[string][]byte) {
			f[configFile] = []byte(`{"num_attention_heads": 2, "layer_norm_eps": 1e-5}`)
		},
	} {
		got := identity(t, edit)
		if other, ok := seen[got]; ok {
			t.Errorf("%s and %s have the identity %q", name, other, got)
		}
		seen[got] = name
	}
}

func TestConfigIsOptional(t *testing.T) {
	t.Parallel()
	// 128 wide is two heads of 64, as BERT has them.
	s := tinyShape
	s.hidden = 128
	files := tinyFiles(t)
	delete(files, configFile)
	files["tiny.safetensors"] = prefixed(randomWeights(s, 1), "bert.").file(t, "F32")
	e, err := New(folderOf(t, files), nil)
	if err != nil {
		t.Fatal(err)
	}
	if e.folder.shape.heads != 2 || e.folder.shape.prefix != "bert." || e.folder.shape.epsilon != 1e-12 {
		t.Errorf("the shape is %+v, want 2 heads, the prefix bert., epsilon 1e-12", e.folder.shape)
	}
	if _, err := e.Embed(t.Context(), llm.EmbedRequest{Texts: []string{"duck"}}); err != nil {
		t.Error(err)
	}
}

// prefixed renames the tensors, as some writers of such files do.
func prefixed(w weights, prefix string) weights {
	out := weights{}
	for name, a := range w {
		out[prefix+name] = a
	}
	return out
}
