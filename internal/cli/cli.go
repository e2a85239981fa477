// Package cli is the command line of kvasir, one file for each command.
//
// [Main] takes the whole outside of the process as a value, a [Process], so
// that tests run commands side by side in one process; [Run] is Main on the
// real one. Commands read and write a server's memos through package client
// alone, whether the server is elsewhere or, as for up, in the same process.
//
// Data goes to stdout, everything about the work to stderr. A progress bar is
// drawn on a terminal only; elsewhere the same is told in lines. The exit
// status is 0 for success, 1 for failure, 2 for a wrong command line or
// configuration, and 130 after an interruption.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"kvasir/internal/config"
)

// The exit statuses.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitInterrupted = 130
)

// dialWithin is how long a server may take to be reached.
const dialWithin = 10 * time.Second

// A Process is the outside of the program.
type Process struct {
	Args    []string // without the program's name
	Environ []string // as os.Environ gives it
	Stdin   io.Reader
	Stdout  io.Writer
	Stderr  io.Writer

	// Reader is how the program is started to read documents (see [Run]); without it
	// the server reads them in its own process.
	Reader []string
}

// commands is the command line. Its help texts are those of the README.
type commands struct {
	Up     upCommand     `cmd:"" set:"level=warn" help:"Set up everything, load a sample and serve."`
	Serve  serveCommand  `cmd:"" help:"Serve the API."`
	Add    addCommand    `cmd:"" help:"Add files, folders and pages; skip what is unchanged."`
	Search searchCommand `cmd:"" help:"Find passages."`
	Ask    askCommand    `cmd:"" help:"Ask a question; the answer names its sources."`
	Status statusCommand `cmd:"" help:"See what runs, what waits and why."`
	Health healthCommand `cmd:"" help:"Ask whether the server is well."`
	Usage  usageCommand  `cmd:"" help:"See what was spent, and the budgets."`
	Memo   memoCommands  `cmd:"" help:"List, read, delete, retry and enrich memos."`

	Processing processingCommand `cmd:"" help:"Show or set how memos are cut and enriched."`
	Events     eventsCommand     `cmd:"" help:"See what happens to memos."`
	Webhook    webhookCommands   `cmd:"" help:"Have events posted to an address."`

	Backup  backupCommand  `cmd:"" help:"Copy everything into one file."`
	Verify  verifyCommand  `cmd:"" help:"Check such a file."`
	Restore restoreCommand `cmd:"" help:"Bring it into an empty place."`

	Reindex reindexCommands `cmd:"" help:"Change the embedding model while the server is searched."`
	Eval    evalCommand     `cmd:"" help:"Measure how well documents are found."`
	Model   modelCommands   `cmd:"" help:"Install the offline model, or see whether it is."`
	Bench   benchCommands   `cmd:"" help:"Measure, against a provider that is made up."`
	Version versionCommand  `cmd:"" help:"Print the version."`

	ParseWorker parseWorkerCommand `cmd:"" hidden:"" help:"Read documents for a server."`
}

// A session is what a command works with.
type session struct {
	Process

	env  *config.Environment
	out  *screen // stdout
	err  *screen // stderr
	http *http.Client
}

// Main runs the command that p names until it ends or ctx does, and returns
// the exit status.
func Main(ctx context.Context, p Process) int {
	s := &session{Process: p, env: config.NewEnvironment(p.Environ)}
	s.out, s.err = newScreen(p.Stdout, s.env), newScreen(p.Stderr, s.env)
	transport := &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: dialWithin}).DialContext,
		TLSHandshakeTimeout: dialWithin,
		ForceAttemptHTTP2:   true,
		MaxIdleConnsPerHost: maxJobs,
	}
	defer transport.CloseIdleConnections()
	s.http = &http.Client{Transport: transport}

	command, status := s.parse(ctx)
	if command == nil {
		return status
	}
	err := command.Run(s)
	if err == nil && s.out.failed != nil {
		err = fmt.Errorf("write the output: %w", s.out.failed)
	}
	switch {
	case err == nil:
		return exitOK
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		s.err.printf("interrupted\n")
		return exitInterrupted
	case errors.Is(err, errTold):
		return exitFailed
	}
	s.err.printf("%s %s\n", s.err.red("kvasir:"), explain(err))
	if errors.Is(err, errConfiguration) {
		return exitUsage
	}
	return exitFailed
}

// errTold is a failure that the person has read about already.
var errTold = errors.New("failed")

// errConfiguration marks what the operator has to set right.
var errConfiguration = errors.New("configuration")

// parse reads the command line. Without a command to run it returns the exit
// status.
func (s *session) parse(ctx context.Context) (*kong.Context, int) {
	helped := false
	options := append(
		s.env.Options(),
		kong.Name("kvasir"),
		kong.Description("Memos in, cited answers out: a RAG backend in one binary.\n\n"+
			"Begin with kvasir up. Commands besides up, serve and model talk to a running server."),
		kong.Writers(s.Stdout, s.Stderr),
		kong.Exit(func(int) { helped = true }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.BindTo(ctx, (*context.Context)(nil)),
	)
	parser, err := kong.New(&commands{}, options...)
	if err != nil {
		panic(err) // the declarations above are wrong
	}
	args := s.Args
	if len(args) == 0 {
		args = []string{"--help"}
	}
	command, err := parser.Parse(args)
	if helped {
		return nil, exitOK
	}
	if faults := s.faults(err); len(faults) > 0 {
		s.err.printf("%s %s\nSee kvasir --help.\n", s.err.red("kvasir:"), strings.Join(faults, "\n        "))
		return nil, exitUsage
	}
	return command, exitOK
}

// faults returns what is wrong with the variables and with the command line, a
// line each.
func (s *session) faults(err error) []string {
	var lines []string
	if unread := s.env.Err(); unread != nil {
		lines = strings.Split(unread.Error(), "\n")
	}
	if err == nil {
		return lines
	}
	text := err.Error()
	if wrong, ok := errors.AsType[*kong.ParseError](err); ok && wrong.Context != nil && wrong.Context.Selected() != nil {
		text = strings.TrimPrefix(text, wrong.Context.Selected().Path()+": ") // before faults of the configuration
	}
	return append(lines, strings.Split(text, "\n")...)
}

// Run is Main on the process itself. The first interruption asks the command to
// stop, a second one kills.
func Run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // signals do what they always do, once one has been heard
	return Main(ctx, Process{
		Args: os.Args[1:], Environ: os.Environ(), Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		Reader: readerCommand(),
	})
}
