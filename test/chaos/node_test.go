package chaos

import (
	"bufio"
	"bytes"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"kvasir/client"
	"kvasir/internal/provider/providertest"
)

// A node is a server's place: its process may be killed and started again.
type node struct {
	data        string
	environment []string

	mu    sync.Mutex // guards the rest
	life  int        // how often it has been started or ended
	at    *process   // nil while it is down
	lived []*process
}

// A process is one run of a node.
type process struct {
	*client.Client
	url  string
	cmd  *exec.Cmd
	log  bytes.Buffer
	idle func() // closes the client's idle connections
}

// newNode starts a server on a folder of its own. It must stop cleanly at the end.
func newNode(t *testing.T, environment ...string) *node {
	t.Helper()
	n := &node{data: t.TempDir(), environment: environment}
	n.start(t)
	t.Cleanup(func() { n.stop(t) })
	return n
}

// start starts the node's process.
func (n *node) start(t *testing.T) {
	t.Helper()
	p := &process{cmd: exec.Command("kvasir", "serve", "--listen", "127.0.0.1:0", "--data", n.data)}
	p.cmd.Env = append(os.Environ(), "KVASIR_API_KEY="+key, "KVASIR_MODEL_DIR="+n.data, "GORACE=halt_on_error=1")
	p.cmd.Env = append(p.cmd.Env, n.environment...)
	p.cmd.Stderr = &p.log
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	said, err := bufio.NewReader(stdout).ReadString('\n')
	_, url, ok := strings.Cut(strings.TrimSpace(said), "Kvasir serves at ")
	if err != nil || !ok {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
		t.Fatalf("the server said %q, %v\n%s", said, err, &p.log)
	}
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	p.url, p.idle = url, transport.CloseIdleConnections
	p.Client = client.New(url, key, &client.Options{HTTPClient: &http.Client{Transport: transport}})
	n.mu.Lock()
	defer n.mu.Unlock()
	n.at, n.life = p, n.life+1
	n.lived = append(n.lived, p)
}

// now returns the running process, nil if there is none, and a number that is
// another one after each start and each end.
func (n *node) now() (*process, int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.at, n.life
}

// take takes the process out of the clients' sight.
func (n *node) take() *process {
	n.mu.Lock()
	defer n.mu.Unlock()
	p := n.at
	n.at, n.life = nil, n.life+1
	return p
}

// kill ends the process without a word to it, and returns how many texts were on their
// way to the provider: what was answered a moment before may not be stored, and counts.
func (n *node) kill(t *testing.T, provider *providertest.Server) (onTheWay int) {
	t.Helper()
	before := provider.Requests(providertest.Embed)
	first := len(before) + 1<<30
	for _, r := range before {
		if !r.Done {
			first = min(first, r.ID)
		}
	}
	if len(before) > 0 {
		first = min(first, before[len(before)-1].ID) // answered just now, perhaps
	}
	rest(time.Second)
	p := n.take()
	if err := p.cmd.Process.Kill(); err != nil {
		t.Error(err)
	}
	_ = p.cmd.Wait() // it says that it was killed
	p.idle()
	n.raced(t, p)
	for _, r := range provider.Requests(providertest.Embed) {
		if r.ID >= first {
			onTheWay += len(r.Texts)
		}
	}
	return onTheWay
}

// stop ends the process by SIGTERM, and fails the test if that is not clean.
func (n *node) stop(t *testing.T) {
	t.Helper()
	p, _ := n.now()
	if p == nil {
		return
	}
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- p.cmd.Wait() }()
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("the server did not stop cleanly: %v\n%s", err, tail(&p.log))
		}
	case <-time.After(patience):
		_ = p.cmd.Process.Signal(syscall.SIGQUIT) // it tells where it hangs
		<-ended
		t.Errorf("the server did not stop:\n%s", &p.log)
	}
	n.take()
	p.idle()
	n.raced(t, p)
}

// raced fails the test if the race detector has found something.
func (n *node) raced(t *testing.T, p *process) {
	t.Helper()
	if log := p.log.String(); strings.Contains(log, "DATA RACE") || strings.Contains(log, "panic") {
		t.Errorf("the server said:\n%s", log)
	}
}

// tail returns the end of a log.
func tail(log *bytes.Buffer) string {
	s := log.String()
	return s[max(0, len(s)-4000):]
}

// memory returns the resident memory of the process in bytes.
func (p *process) memory(t *testing.T) int {
	t.Helper()
	figures, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", p.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	var size, resident int
	if _, err := fmt.Sscan(string(figures), &size, &resident); err != nil {
		t.Fatal(err)
	}
	return resident * os.Getpagesize()
}
