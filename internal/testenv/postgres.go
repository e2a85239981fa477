// Package testenv gives tests the real things they need: a database server.
package testenv

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// A Cluster is a throw-away PostgreSQL server on the loopback interface, of one
// test.
type Cluster struct {
	Port int

	dir string
	bin string

	mu   sync.Mutex
	next int // number of the next database
}

// Postgres starts a server for a test and those inside it. Without an installed one the
// test fails: ./test.sh installs it.
func Postgres(t testing.TB) *Cluster {
	t.Helper()
	c, err := start()
	if err != nil {
		t.Fatal("no PostgreSQL for the test; ./test.sh installs it: ", err)
	}
	t.Cleanup(c.stop)
	return c
}

// start makes a cluster and waits until it answers.
func start() (c *Cluster, err error) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb") // the pattern is good
	if len(found) == 0 {
		return nil, fmt.Errorf("no initdb under /usr/lib/postgresql")
	}
	version := strings.Split(slices.Max(found), "/")[4]
	if _, err := os.Stat("/usr/share/postgresql/" + version + "/extension/vector.control"); err != nil {
		return nil, fmt.Errorf("no pgvector for PostgreSQL %s: %w", version, err)
	}
	dir, err := os.MkdirTemp("", "kvasir-postgres-")
	if err != nil {
		return nil, err
	}
	c = &Cluster{dir: dir, bin: filepath.Dir(slices.Max(found))}
	defer func() {
		if err != nil {
			c.stop()
		}
	}()
	if c.Port, err = freePort(); err != nil {
		return nil, err
	}
	if os.Getuid() == 0 { // the server refuses to run as root
		if err := giveTo("postgres", dir); err != nil {
			return nil, err
		}
	}
	data := filepath.Join(dir, "data")
	if err := c.command("initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-N"); err != nil {
		return nil, err
	}
	return c, c.Start()
}

// Replica starts a copy of the cluster that follows it by streaming replication.
func (c *Cluster) Replica(t testing.TB) *Cluster {
	t.Helper()
	dir, err := os.MkdirTemp("", "kvasir-replica-")
	if err != nil {
		t.Fatal(err)
	}
	r := &Cluster{dir: dir, bin: c.bin}
	t.Cleanup(r.stop)
	if r.Port, err = freePort(); err != nil {
		t.Fatal(err)
	}
	if os.Getuid() == 0 {
		if err := giveTo("postgres", dir); err != nil {
			t.Fatal(err)
		}
	}
	// A checkpoint at once: else the copy waits minutes for the next.
	err = r.command("pg_basebackup", "-h", "127.0.0.1", "-p", strconv.Itoa(c.Port), "-U", "postgres",
		"-D", filepath.Join(dir, "data"), "-R", "-X", "stream", "-c", "fast", "--no-sync")
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Start(); err != nil {
		t.Fatal(err)
	}
	return r
}

// Of returns the URL of a database of another cluster in this one, its copy.
func (c *Cluster) Of(url string) string {
	return fmt.Sprintf("postgres://postgres@127.0.0.1:%d/%s", c.Port, url[strings.LastIndex(url, "/")+1:])
}

// Start starts the server after a [Cluster.Stop]. It does not flush to the disk: no test pulls
// the machine's plug.
func (c *Cluster) Start() error {
	options := fmt.Sprintf("-h 127.0.0.1 -p %d -k %s -c max_connections=400 -c fsync=off", c.Port, c.dir)
	return c.command("pg_ctl", "-D", filepath.Join(c.dir, "data"), "-w", "-l", filepath.Join(c.dir, "log"), "-o", options, "start")
}

// Stop stops the server at once, as a cut of power would.
func (c *Cluster) Stop() error {
	return c.command("pg_ctl", "-D", filepath.Join(c.dir, "data"), "-m", "immediate", "-w", "stop")
}

func (c *Cluster) stop() {
	_ = c.Stop() // it may be down
	_ = os.RemoveAll(c.dir)
}

// Database returns the URL of a new, empty database, which is dropped after the test.
func (c *Cluster) Database(t testing.TB) string {
	t.Helper()
	return c.database(t, "template1")
}

// Copy returns the URL of a new copy of a database to which nobody is connected.
func (c *Cluster) Copy(t testing.TB, url string) string {
	t.Helper()
	return c.database(t, url[strings.LastIndex(url, "/")+1:])
}

func (c *Cluster) database(t testing.TB, template string) string {
	t.Helper()
	c.mu.Lock()
	c.next++
	name := fmt.Sprintf("kvasir_%d_%d", os.Getpid(), c.next)
	c.mu.Unlock()
	c.admin(t.Context(), t, "CREATE DATABASE "+name+" TEMPLATE "+template)
	t.Cleanup(func() { c.admin(context.Background(), t, "DROP DATABASE "+name+" WITH (FORCE)") })
	return fmt.Sprintf("postgres://postgres@127.0.0.1:%d/%s", c.Port, name)
}

// admin runs a statement on the server's own database.
func (c *Cluster) admin(ctx context.Context, t testing.TB, statement string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, fmt.Sprintf("postgres://postgres@127.0.0.1:%d/postgres", c.Port))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, statement); err != nil {
		t.Error(err)
	}
}

// command runs one of the server's programs, as its own user if need be.
func (c *Cluster) command(name string, args ...string) error {
	line := append([]string{filepath.Join(c.bin, name)}, args...)
	if os.Getuid() == 0 {
		line = append([]string{"runuser", "-u", "postgres", "--"}, line...)
	}
	cmd := exec.Command(line[0], line[1:]...)
	cmd.Dir = c.dir
	if name == "pg_ctl" { // the server keeps what it inherits open
		return cmd.Run()
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, strings.TrimSpace(string(out)))
	}
	return nil
}

func giveTo(name, dir string) error {
	u, err := user.Lookup(name)
	if err != nil {
		return err
	}
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		return err
	}
	return os.Chown(dir, uid, -1)
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}
