package test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"kvasir/client"
	"kvasir/internal/api/wiretest"
	"kvasir/internal/provider/providertest"
)

// A server is a running process, with a client of it.
type server struct {
	*client.Client
	url string

	process *exec.Cmd
	log     bytes.Buffer
	stopped bool
}

// serve starts a server on a fresh folder. It must stop cleanly at the test's end.
func serve(t *testing.T, environment ...string) *server {
	t.Helper()
	return serveFolder(t, t.TempDir(), environment...)
}

// serveFolder starts a server on a folder. The program is that of the scripts:
// the test binary under another name, so the race detector watches it, too.
func serveFolder(t *testing.T, data string, environment ...string) *server {
	t.Helper()
	s := &server{process: exec.Command("kvasir", "serve", "--listen", "127.0.0.1:0", "--data", data)}
	s.process.Env = append(os.Environ(), "KVASIR_API_KEY="+key, "EMBEDDING_PROVIDER=none", "OPENAI_API_KEY=")
	s.process.Env = append(s.process.Env, environment...)
	s.process.Stderr = &s.log
	stdout, err := s.process.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.process.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.stop(t) })
	said, err := bufio.NewReader(stdout).ReadString('\n')
	_, url, ok := strings.Cut(strings.TrimSpace(said), "Kvasir serves at ")
	if err != nil || !ok {
		t.Fatalf("the server said %q, %v", said, err)
	}
	s.url, s.Client = url, client.New(url, key, nil)
	return s
}

// stop ends the process as Ctrl-C does, and fails the test if that is not clean.
func (s *server) stop(t *testing.T) {
	t.Helper()
	if s.stopped {
		return
	}
	s.stopped = true
	if err := s.process.Process.Signal(os.Interrupt); err != nil {
		t.Error(err)
	}
	if err := s.process.Wait(); err != nil {
		t.Errorf("the server did not stop cleanly: %v\n%s", err, &s.log)
	}
}

// eventually waits until a condition holds that nothing tells of.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !holds(); {
		if time.Now().After(deadline) {
			t.Fatalf("it never happened that %s", what)
		}
		poll := time.NewTimer(20 * time.Millisecond)
		<-poll.C
	}
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
		wiretest.Run(t, serve(t, environment...).url, key)
	})
	t.Run("offline", func(t *testing.T) {
		t.Parallel()
		wiretest.Run(t, serve(t).url, key)
	})
}

// text is long enough for several chunks and has a word of its own.
func text(word string) string {
	return "This is about " + word + ". " + strings.Repeat("Ducks eat seeds, grass and small fish. ", 100)
}

func TestManyMemosInParallel(t *testing.T) {
	t.Parallel()
	_, environment := scripted(t)
	c := serve(t, environment...)
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
	c := serve(t, environment...)
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
	c := serve(t, environment...)
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

func TestDeletedWhileProcessed(t *testing.T) {
	t.Parallel()
	provider, environment := scripted(t)
	provider.Poison(providertest.Embed, "doomed", providertest.Throttle(20*time.Millisecond))
	c := serve(t, environment...)
	id, err := c.CreateMemo(t.Context(), client.NewMemo{Title: "Doomed", Content: text("doomed")})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := provider.WaitFor(ctx, func() bool { return provider.Totals(providertest.Embed).Failed > 0 }); err != nil {
		t.Fatal(err)
	}
	if err := c.DeleteMemo(t.Context(), client.ByID(id)); err != nil {
		t.Fatal(err)
	}
	provider.Clear()
	other, err := c.CreateMemo(t.Context(), client.NewMemo{Title: "Other", Content: "Ducks eat seeds."})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.WaitForMemo(t.Context(), client.ByID(other)); err != nil {
		t.Errorf("work goes on: %v", err)
	}
	var refused *client.APIError
	if _, err := c.GetMemo(t.Context(), client.ByID(id)); !errors.As(err, &refused) || refused.StatusCode != 404 {
		t.Errorf("the deleted memo is there: %v", err)
	}
	hits, err := c.Search(t.Context(), client.SearchRequest{Query: "ducks seeds doomed", Limit: 50})
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range hits {
		if h.MemoID == id {
			t.Errorf("found after its deletion: %+v", h)
		}
	}
	health, err := c.Health(t.Context())
	if err != nil || health.Queue.Pending != 0 || health.Queue.Errors != 0 {
		t.Errorf("queue = %+v, %v; want nothing pending, no errors", health.Queue, err)
	}
}

func TestANewModelFillsTheVectors(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	before := serveFolder(t, data)
	for i := range 5 {
		m := client.NewMemo{Title: fmt.Sprint("Memo ", i), Content: text(fmt.Sprintf("needle%dx", i))}
		id, err := before.CreateMemo(t.Context(), m)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := before.WaitForMemo(t.Context(), client.ByID(id)); err != nil {
			t.Fatal(err)
		}
	}
	before.stop(t)

	provider, environment := scripted(t)
	provider.Always(providertest.Embed, providertest.Throttle(20*time.Millisecond))
	after := serveFolder(t, data, environment...)
	missing := func() int {
		health, err := after.Health(t.Context())
		if err != nil {
			t.Error(err)
		}
		return health.Providers.Embeddings.MissingVectors
	}
	eventually(t, "health says what is missing", func() bool { return missing() >= 10 })
	provider.Clear()
	eventually(t, "no vector is missing", func() bool { return missing() == 0 })
	hits, err := after.Search(t.Context(), client.SearchRequest{Query: "needle3x", Limit: 50})
	if err != nil {
		t.Fatal(err)
	}
	if len(hits) == 0 || hits[0].MemoTitle != "Memo 3" {
		t.Errorf("search found %+v", hits)
	}
}

func TestAClientWhoHangsUpCancelsTheModel(t *testing.T) {
	t.Parallel()
	provider, environment := scripted(t)
	provider.Always(providertest.Chat, providertest.Action{Fault: providertest.Stall, After: 1})
	c := serve(t, environment...)
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

func TestAMemoSaysWhyItWaits(t *testing.T) {
	t.Parallel()
	provider, environment := scripted(t)
	provider.Always(providertest.Embed, providertest.Fail(503, "out to lunch"))
	c := serve(t, environment...)
	id, err := c.CreateMemo(t.Context(), client.NewMemo{Title: "Patient", Content: "Ducks."})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the memo told why it waits", func() bool {
		st, err := c.MemoStatus(t.Context(), client.ByID(id))
		return err == nil && st.Status == "processing" && strings.Contains(st.WaitingFor, "out to lunch")
	})
	provider.Clear()
	if _, err := c.WaitForMemo(t.Context(), client.ByID(id)); err != nil {
		t.Errorf("after the provider came back: %v", err)
	}
}

func TestVoyageEmbedsAndReranks(t *testing.T) {
	t.Parallel()
	provider, _ := scripted(t)
	c := serve(t, "EMBEDDING_PROVIDER=voyage", "VOYAGE_API_KEY=pa-test", "VOYAGE_BASE_URL="+provider.BaseURL())
	id, err := c.CreateMemo(t.Context(), client.NewMemo{Title: "Ducks", Content: "Ducks eat seeds."})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.WaitForMemo(t.Context(), client.ByID(id)); err != nil {
		t.Fatal(err)
	}
	hits, err := c.Search(t.Context(), client.SearchRequest{Query: "Ducks eat seeds."})
	if err != nil || len(hits) != 1 || hits[0].MemoID != id {
		t.Errorf("search: %+v, %v", hits, err)
	}
	for _, kind := range []providertest.Kind{providertest.Embed, providertest.Rerank} {
		if len(provider.Requests(kind)) == 0 {
			t.Errorf("Voyage got no request to %v", kind)
		}
	}
}
