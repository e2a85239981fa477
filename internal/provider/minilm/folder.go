package minilm

import (
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// The files of a model.
const (
	weightsFile   = "model.fp16.safetensors" // as installed; any *.safetensors will do
	tokenizerFile = "tokenizer.json"
	configFile    = "config.json" // may be missing
)

// maxConfigBytes bounds config.json.
const maxConfigBytes = 1 << 20

// A folder is where a model lies, and what can be told without loading it.
type folder struct {
	dir      string
	weights  string // the name of the weights file
	shape    shape
	identity string
}

// openFolder looks at the model in dir. It reads the header of the weights, the
// configuration, and a sample of the weights for the identity.
func openFolder(dir string) (folder, error) {
	f := folder{dir: dir}
	var err error
	if f.weights, err = findWeights(dir); err != nil {
		return folder{}, err
	}
	file, err := os.Open(filepath.Join(dir, f.weights))
	if err != nil {
		return folder{}, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return folder{}, err
	}
	ts, err := openTensors(file, info.Size())
	if err != nil {
		return folder{}, fmt.Errorf("%s: %w", file.Name(), err)
	}
	config, err := readConfig(dir)
	if err != nil {
		return folder{}, err
	}
	if f.shape, err = shapeOf(ts, config); err != nil {
		return folder{}, fmt.Errorf("%s: %w", file.Name(), err)
	}
	f.identity, err = f.identify(file, info.Size())
	return f, err
}

// findWeights returns the name of the only weights file in dir, or of the one
// that [Install] puts there.
func findWeights(dir string) (string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	var found []string
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".safetensors") && !e.IsDir() {
			found = append(found, e.Name())
		}
		if e.Name() == weightsFile {
			return weightsFile, nil
		}
	}
	switch len(found) {
	case 0:
		return "", fmt.Errorf("no *.safetensors file in %s: %w", dir, fs.ErrNotExist)
	case 1:
		return found[0], nil
	}
	return "", fmt.Errorf("several weights files in %s: %s", dir, strings.Join(found, ", "))
}

// A modelConfig is the part of config.json that the weights do not tell.
type modelConfig struct {
	Type       string  `json:"model_type"`
	Heads      int     `json:"num_attention_heads"`
	Activation string  `json:"hidden_act"`
	Position   string  `json:"position_embedding_type"`
	Epsilon    float64 `json:"layer_norm_eps"`
}

// readConfig reads dir's config.json. Without one, everything is as BERT's.
func readConfig(dir string) (modelConfig, error) {
	c := modelConfig{}
	file, err := os.Open(filepath.Join(dir, configFile))
	if errors.Is(err, fs.ErrNotExist) {
		return c.withDefaults(), nil
	}
	if err != nil {
		return c, err
	}
	defer file.Close()
	if err := json.NewDecoder(io.LimitReader(file, maxConfigBytes)).Decode(&c); err != nil {
		return c, fmt.Errorf("parse %s: %w", file.Name(), err)
	}
	c = c.withDefaults()
	if c.Type != "bert" || c.Activation != "gelu" || c.Position != "absolute" {
		return c, fmt.Errorf("%s: a %q with activation %q and %q positions is not a BERT that can be run",
			file.Name(), c.Type, c.Activation, c.Position)
	}
	return c, nil
}

func (c modelConfig) withDefaults() modelConfig {
	c.Type = cmp.Or(c.Type, "bert")
	c.Activation = cmp.Or(c.Activation, "gelu")
	c.Position = cmp.Or(c.Position, "absolute")
	c.Epsilon = cmp.Or(c.Epsilon, 1e-12)
	return c
}

const (
	// recipe names what this package makes of the weights, beside the files: mean
	// of all tokens, length 1, cut at 256. A change of it makes other vectors.
	recipe = "mean-256-1"
	// The identity hashes this many pieces of the weights, evenly spread. All 45 MB
	// would cost each start 30 ms; and models trained differently differ everywhere.
	samples     = 64
	sampleBytes = 4 << 10
)

// identify derives the name under which vectors are kept: a hash of the shape, the
// tokenizer, the header of the weights, and a sample of their numbers.
func (f *folder) identify(weights io.ReaderAt, size int64) (string, error) {
	h := sha256.New()
	fmt.Fprintf(h, "%s %+v %d\n", recipe, f.shape, size)
	tokenizer, err := os.Open(filepath.Join(f.dir, tokenizerFile))
	if err != nil {
		return "", err
	}
	defer tokenizer.Close()
	if _, err := io.Copy(h, tokenizer); err != nil {
		return "", err
	}
	last := max(size-sampleBytes, 0)
	buf := make([]byte, min(size, sampleBytes))
	for i := range int64(samples) {
		at := last * i / (samples - 1) // the first has the header, the last ends with the file
		if _, err := weights.ReadAt(buf, at); err != nil {
			return "", err
		}
		h.Write(buf)
	}
	return fmt.Sprintf("minilm/%s@%.6x", f.shape.name(), h.Sum(nil)), nil
}
