package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"kvasir/client"
)

// reindexCommands change the index that is searched for another.
type reindexCommands struct {
	Build    reindexBuild    `cmd:"" default:"withargs" help:"Build another index beside the live one, and follow it."`
	Status   reindexStatus   `cmd:"" help:"See the index versions."`
	Compare  reindexCompare  `cmd:"" help:"Measure both on a collection."`
	Flip     reindexFlip     `cmd:"" help:"Search in the one that was built."`
	Rollback reindexRollback `cmd:"" help:"Search in the one before again."`
	Drop     reindexDrop     `cmd:"" help:"Give up the one before."`
	Cancel   reindexCancel   `cmd:"" help:"Give up the one that is built."`
}

// Help tells the whole way.
func (reindexCommands) Help() string {
	return `Changes the embedding model, or how texts are cut, while the server is searched.
An index version is what search reads: a model's vectors of passages that are cut
in one way. Another one is built beside the live one, compared with it, and made
the live one in a moment; the one before is kept for the way back.

Configure the other model first, with NEXT_EMBEDDING_PROVIDER and its siblings, or
[[next_embed]] in the file of lanes, and start the server anew.

Examples:

    kvasir reindex
    kvasir reindex status
    kvasir reindex compare --collection scifact
    kvasir reindex flip
    kvasir reindex rollback
    kvasir reindex drop`
}

// A reindexBuild builds the next version.
type reindexBuild struct {
	server

	Detach bool `help:"Begin it, and leave it to the server."`
	JSON   bool `name:"json" help:"Print JSON at the end."`
}

// Help tells what goes on and what does not.
func (reindexBuild) Help() string {
	return `Has the server build the next index version, or go on with it, and shows how far
it is. Memos that are added, changed and deleted meanwhile are so in both. Ctrl-C
leaves: the server goes on, also after it was stopped or killed, and kvasir reindex
follows it again. kvasir reindex cancel gives the version up.

Nothing that is bought for it comes before anything else, and the search sees
nothing of it until kvasir reindex flip.

Examples:

    NEXT_EMBEDDING_PROVIDER=openai NEXT_EMBEDDING_MODEL=text-embedding-3-large kvasir serve
    kvasir reindex
    kvasir reindex --detach
    kvasir reindex --json`
}

const (
	// followEvery is how often a build is asked for, and followShare how much longer than
	// the answer took: the server counts passages for it.
	followEvery = 500 * time.Millisecond
	followShare = 10
	// stuckAfter is how long nothing may have been built before it is told why.
	stuckAfter = 5 * time.Second
)

// Run begins and follows.
func (c *reindexBuild) Run(ctx context.Context, s *session) error {
	f := follower{session: s, client: c.client(s)}
	status, err := f.client.Reindex(ctx, client.ReindexStart)
	if err != nil {
		return err
	}
	if !c.Detach {
		if status, err = f.follow(ctx, status); err != nil {
			return err
		}
	}
	if c.JSON {
		return s.printJSON(status)
	}
	next := status.Version(client.IndexNext)
	switch {
	case next == nil:
		s.out.printf("The version was given up, or is the live one by now.\n")
	case next.Complete:
		s.out.printf("Version %d is complete: %s", next.Version, countedOf(next.Passages, "passage"))
		if next.Lacking > 0 {
			s.out.printf(", of which the model has refused %s", grouped(next.Lacking))
		}
		s.out.printf(". Compare it with kvasir reindex compare, search in it with kvasir reindex flip.\n")
	default:
		s.out.printf("Version %d is being built. See how far it is with kvasir reindex status.\n", next.Version)
	}
	return nil
}

// A follower shows how far a build is.
type follower struct {
	*session
	client *client.Client

	began  time.Time // of following
	first  int       // passages that were built then
	last   int       // the last time
	moved  time.Time // when there was more the last time
	failed time.Time // since when the server does not answer; zero if it does
}

// patientFor is how long a server may be away that is followed: it may be started anew.
const patientFor = 2 * time.Minute

// follow shows the build until it is complete or gone.
func (f *follower) follow(ctx context.Context, status client.Reindexing) (client.Reindexing, error) {
	var p *progress
	defer func() {
		if p != nil {
			p.finish()
		}
	}()
	for {
		next := status.Version(client.IndexNext)
		if next == nil || next.Complete {
			return status, nil
		}
		built := next.Passages - next.Lacking
		if p == nil {
			label := fmt.Sprintf("Building version %d for %s", next.Version, oneLine(next.Model))
			p = f.progress(label, int64(next.Passages), unitItems)
			f.began, f.first, f.last, f.moved = time.Now(), built, built, time.Now()
		}
		p.set(int64(built))
		f.tell(ctx, p, next, built)
		asked := time.Now()
		latest, err := f.client.Reindexing(ctx)
		switch {
		case ctx.Err() != nil:
			p.finish()
			f.err.printf("The server goes on with it: kvasir reindex follows it, kvasir reindex cancel gives it up.\n")
			return status, ctx.Err()
		case err == nil:
			status, f.failed = latest, time.Time{}
		case f.away(err):
			return status, err
		}
		select {
		case <-ctx.Done():
		case <-time.After(max(followEvery, followShare*time.Since(asked))):
		}
	}
}

// away reports whether the server was away for too long, or refuses.
func (f *follower) away(err error) bool {
	if _, refused := errors.AsType[*client.APIError](err); refused {
		return true
	}
	if f.failed.IsZero() {
		f.failed = time.Now()
	}
	return time.Since(f.failed) > patientFor
}

// tell says how fast it goes and how long it takes, or why it does not go.
func (f *follower) tell(ctx context.Context, p *progress, next *client.IndexVersion, built int) {
	now := time.Now()
	if built != f.last {
		f.last, f.moved = built, now
	}
	if rate := float64(built-f.first) / now.Sub(f.began).Seconds(); rate > 0 && now.Sub(f.moved) < stuckAfter {
		left := seconds(float64(next.Lacking) / rate)
		p.describe(fmt.Sprintf("%s passages/s, %s left", compact(rate), spoken(left)))
		return
	}
	if now.Sub(f.moved) < stuckAfter {
		return
	}
	if why := f.reason(ctx); why != "" {
		p.waits(fmt.Sprintf("Version %d", next.Version), why)
	}
}

// nextLine is the name of the line of what is embedded for another version.
const nextLine = "next"

// reason asks why nothing is embedded.
func (f *follower) reason(ctx context.Context) string {
	status, err := f.client.Status(ctx)
	if err != nil {
		return ""
	}
	for i := range status.Pools {
		if p := &status.Pools[i]; p.Kind == "embed" && p.Name == nextLine {
			return oneLine(p.Reason)
		}
	}
	return ""
}

// A reindexStatus shows the versions.
type reindexStatus struct {
	server

	JSON bool `name:"json" help:"Print JSON."`
}

// Help explains the columns.
func (reindexStatus) Help() string {
	return `Shows the index versions: live is searched, next is built beside it, former was
live before. PASSAGES are those of memos that are searched, and LACKING how many
of them have no vector yet, or have one that the model refuses to make.

Examples:

    kvasir reindex status
    kvasir reindex status --json`
}

// Run shows them.
func (c *reindexStatus) Run(ctx context.Context, s *session) error {
	status, err := c.client(s).Reindexing(ctx)
	if err != nil {
		return err
	}
	return s.tellVersions(&status, c.JSON)
}

// tellVersions prints the versions, and what may be done with them.
func (s *session) tellVersions(status *client.Reindexing, asJSON bool) error {
	if asJSON {
		return s.printJSON(status)
	}
	t := table{columns: []column{
		{head: "VERSION", right: true}, {head: "STATE"}, {head: "PASSAGES", right: true}, {head: "LACKING", right: true},
		{head: "LENGTH", right: true}, {head: "MODEL", least: 20}, {head: "CHUNKER"},
	}}
	for _, v := range status.Versions {
		t.add(fmt.Sprint(v.Version), string(v.State), grouped(v.Passages), grouped(v.Lacking), fmt.Sprint(v.Dimensions),
			oneLine(v.Model), oneLine(v.Chunker))
	}
	for i, line := range t.lines(max(s.out.width(), 160)) {
		if i == 0 {
			line = s.out.dim(line)
		}
		s.out.printf("%s\n", line)
	}
	for _, v := range status.Versions {
		if !v.Configured {
			s.out.printf("The model of version %d is not configured: %s\n", v.Version, oneLine(v.Model))
		}
	}
	next, former := status.Version(client.IndexNext), status.Version(client.IndexFormer)
	switch {
	case next != nil && next.Complete:
		s.out.printf("Version %d is complete: kvasir reindex flip searches in it.\n", next.Version)
	case next != nil:
		s.out.printf("Version %d is being built: kvasir reindex follows it.\n", next.Version)
	case former != nil:
		s.out.printf("Version %d is kept for kvasir reindex rollback, until kvasir reindex drop.\n", former.Version)
	case status.Next != "" && status.Next == status.Versions[0].Model:
		s.out.printf("Texts are cut otherwise for this model now: kvasir reindex cuts them anew.\n")
	case status.Next != "":
		s.out.printf("Another model is configured: %s. kvasir reindex builds its index.\n", oneLine(status.Next))
	}
	return nil
}

// act does an action and shows what there is then.
func (v *server) act(ctx context.Context, s *session, action client.ReindexAction, asJSON bool) error {
	status, err := v.client(s).Reindex(ctx, action)
	if err != nil {
		return err
	}
	return s.tellVersions(&status, asJSON)
}

// A reindexFlip makes the next version the live one.
type reindexFlip struct {
	server

	JSON bool `name:"json" help:"Print JSON."`
}

// Help tells when.
func (reindexFlip) Help() string {
	return `Makes the version that was built the live one: all at once, for everybody, and on
every node within about a second. It is refused while the version is not complete.
What is searched at that moment is answered from the version before.

Then make the configuration say so, too: what NEXT_EMBEDDING_… names belongs into
EMBEDDING_… after kvasir reindex drop. Until then the server knows which of both
the live version needs.

Example:

    kvasir reindex flip`
}

// Run flips.
func (c *reindexFlip) Run(ctx context.Context, s *session) error {
	return c.act(ctx, s, client.ReindexFlip, c.JSON)
}

// A reindexRollback makes the former version the live one.
type reindexRollback struct {
	server

	JSON bool `name:"json" help:"Print JSON."`
}

// Help tells what becomes of the other.
func (reindexRollback) Help() string {
	return `Makes the version before the live one again. It has everything that came in since.
The other one becomes the next version: kvasir reindex flip searches in it again,
kvasir reindex cancel gives it up.

Example:

    kvasir reindex rollback`
}

// Run goes back.
func (c *reindexRollback) Run(ctx context.Context, s *session) error {
	return c.act(ctx, s, client.ReindexRollback, c.JSON)
}

// A reindexDrop gives the former version up.
type reindexDrop struct {
	server

	JSON bool `name:"json" help:"Print JSON."`
}

// Help tells what goes.
func (reindexDrop) Help() string {
	return `Gives up the version that was live before, with its vectors, and its passages if
they are cut otherwise. There is no way back then but to build it again.

Example:

    kvasir reindex drop`
}

// Run drops.
func (c *reindexDrop) Run(ctx context.Context, s *session) error {
	return c.act(ctx, s, client.ReindexDrop, c.JSON)
}

// A reindexCancel gives the next version up.
type reindexCancel struct {
	server

	JSON bool `name:"json" help:"Print JSON."`
}

// Help tells what goes.
func (reindexCancel) Help() string {
	return `Gives up the version that is built, with what there is of it.

Example:

    kvasir reindex cancel`
}

// Run cancels.
func (c *reindexCancel) Run(ctx context.Context, s *session) error {
	return c.act(ctx, s, client.ReindexCancel, c.JSON)
}
