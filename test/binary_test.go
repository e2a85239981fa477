package test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"kvasir/client"
	"kvasir/internal/api/wiretest"
	"kvasir/internal/provider/providertest"
)

// binary builds the program once for all tests that start it themselves.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "kvasir-test-")
	if err != nil {
		return "", err
	}
	name := filepath.Join(dir, "kvasir")
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	out, err := exec.Command("go", "build", "-o", name, "../cmd/kvasir").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build: %w: %s", err, out)
	}
	return name, nil
})

// serve starts the binary on a fresh folder and returns its address. It must stop
// cleanly at the test's end.
func serve(t *testing.T, environment ...string) (url string) {
	t.Helper()
	name, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	addr, err := freeAddr()
	if err != nil {
		t.Fatal(err)
	}
	server := exec.Command(name, "serve", "--listen", addr, "--data", t.TempDir())
	server.Env = append(os.Environ(), "KVASIR_API_KEY="+key, "EMBEDDING_PROVIDER=none", "OPENAI_API_KEY=")
	server.Env = append(server.Env, environment...)
	var log bytes.Buffer
	server.Stderr = &log
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Process.Signal(os.Interrupt); err != nil {
			t.Error(err)
		}
		if err := server.Wait(); err != nil {
			t.Errorf("the server did not stop cleanly: %v\n%s", err, &log)
		}
	})
	url = "http://" + addr
	c := client.New(url, key, nil)
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		if _, err := c.Health(t.Context()); err == nil {
			return url
		}
		poll := time.NewTimer(10 * time.Millisecond)
		<-poll.C
	}
	t.Fatal("the server does not answer")
	return ""
}

// scripted returns the environment for a scripted provider of the test's own.
func scripted(t *testing.T) (*providertest.Server, []string) {
	t.Helper()
	srv := providertest.Start(providertest.Options{})
	t.Cleanup(srv.Close)
	return srv, []string{
		"EMBEDDING_PROVIDER=openai", "OPENAI_API_KEY=sk-test", "OPENAI_BASE_URL=" + srv.BaseURL(),
	}
}

func TestTheBinarySpeaksTheWire(t *testing.T) {
	t.Parallel()
	t.Run("with a provider", func(t *testing.T) {
		t.Parallel()
		_, environment := scripted(t)
		wiretest.Run(t, serve(t, environment...), key)
	})
	t.Run("offline", func(t *testing.T) {
		t.Parallel()
		wiretest.Run(t, serve(t), key)
	})
}

// text is long enough for several chunks and has a word of its own.
func text(word string) string {
	return "This is about " + word + ". " + strings.Repeat("Ducks eat seeds, grass and small fish. ", 100)
}

func TestManyMemosInParallel(t *testing.T) {
	t.Parallel()
	_, environment := scripted(t)
	c := client.New(serve(t, environment...), key, nil)
	var g errgroup.Group
	for i := range 50 {
		g.Go(func() error {
			word := fmt.Sprintf("needle%dx", i)
			id, err := c.CreateMemo(t.Context(), client.NewMemo{Title: fmt.Sprint("Memo ", i), Content: text(word)})
			if err != nil {
				return err
			}
			if _, err := c.WaitForMemo(t.Context(), client.ByID(id)); err != nil {
				return err
			}
			m, err := c.GetMemo(t.Context(), client.ByID(id))
			if err != nil {
				return err
			}
			var joined strings.Builder
			for _, chunk := range m.Chunks {
				joined.WriteString(chunk.Content)
			}
			if len(m.Chunks) < 2 || joined.String() != text(word) {
				return fmt.Errorf("the %d chunks of %s do not tile its content", len(m.Chunks), m.Title)
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		t.Error(err)
	}
}

func TestTheLastOfManyEditsIsSearched(t *testing.T) {
	t.Parallel()
	_, environment := scripted(t)
	c := client.New(serve(t, environment...), key, nil)
	id, err := c.CreateMemo(t.Context(), client.NewMemo{Title: "Edited", Content: text("needle0x")})
	if err != nil {
		t.Fatal(err)
	}
	for i := 1; i <= 20; i++ {
		content := text(fmt.Sprintf("needle%dx", i))
		if err := c.UpdateMemo(t.Context(), client.ByID(id), client.MemoPatch{Content: &content}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.WaitForMemo(t.Context(), client.ByID(id)); err != nil {
		t.Fatal(err)
	}
	for i := range 21 {
		hits, err := c.Search(t.Context(), client.SearchRequest{Query: fmt.Sprintf("needle%dx", i), Limit: 50})
		if err != nil {
			t.Fatal(err)
		}
		found := false
		for _, h := range hits {
			found = found || strings.Contains(h.Content, fmt.Sprintf("needle%dx", i))
		}
		if found != (i == 20) {
			t.Errorf("the text of edit %d is found: %v", i, found)
		}
	}
}

func TestAPoisonedMemoFailsAlone(t *testing.T) {
	t.Parallel()
	provider, environment := scripted(t)
	provider.Poison(providertest.Embed, "poison", providertest.Fail(400, "no poison please"))
	c := client.New(serve(t, environment...), key, nil)
	bad, err := c.CreateMemo(t.Context(), client.NewMemo{Title: "Bad", Content: "This is poison."})
	if err != nil {
		t.Fatal(err)
	}
	good, err := c.CreateMemo(t.Context(), client.NewMemo{Title: "Good", Content: "This is fine."})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.WaitForMemo(t.Context(), client.ByID(good)); err != nil {
		t.Error(err)
	}
	if _, err := c.WaitForMemo(t.Context(), client.ByID(bad)); err == nil || !strings.Contains(err.Error(), "400") {
		t.Errorf("the poisoned memo ended with %v, want the provider's refusal", err)
	}
	provider.Clear()
	if err := c.RetryMemo(t.Context(), client.ByID(bad)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.WaitForMemo(t.Context(), client.ByID(bad)); err != nil {
		t.Errorf("after the retry: %v", err)
	}
}

func TestAClientWhoHangsUpCancelsTheModel(t *testing.T) {
	t.Parallel()
	provider, environment := scripted(t)
	provider.Always(providertest.Chat, providertest.Action{Fault: providertest.Stall, After: 1})
	c := client.New(serve(t, environment...), key, nil)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for ev, err := range c.StreamChat(ctx, client.ChatRequest{Query: "Who?"}) {
		if err != nil {
			t.Fatal(err)
		}
		if ev.Text != "" {
			break
		}
	}
	if err := provider.WaitFor(ctx, func() bool { return provider.Totals(providertest.Chat).HungUp == 1 }); err != nil {
		t.Errorf("the provider still writes for nobody: %v", err)
	}
}
