package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"

	"kvasir/internal/app"
	"kvasir/internal/backup"
	"kvasir/internal/config"
)

// A backupCommand writes a backup.
type backupCommand struct {
	File   string        `arg:"" help:"Where it goes. It must not be there yet."`
	Config config.Config `embed:""`
}

// Help shows examples.
func (backupCommand) Help() string {
	return `Writes everything to one file: memos, chunks, vectors, chats, keys, what was
spent, and the originals of documents. It reads the data folder or the database
that the options name, which a server may use meanwhile, as of one moment. The
same file can be restored into SQLite and into PostgreSQL.

Who has the file can read all memos and may use the API's webhooks' secrets: keep
it as you keep the data.

Examples:

    kvasir backup kvasir-2026-11-23.tar.gz
    DATABASE_URL=postgres://… kvasir backup kvasir.tar.gz
    kvasir verify kvasir.tar.gz`
}

// Run writes it under another name first: a file with the name that was given is
// whole.
func (c *backupCommand) Run(ctx context.Context, s *session) (err error) {
	if _, err := os.Stat(c.File); err == nil {
		return fmt.Errorf("%s is there already", c.File)
	}
	part := c.File + ".part"
	f, err := os.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(part))
		}
	}()
	w := bufio.NewWriterSize(f, 1<<20)
	m, err := app.Backup(ctx, &c.Config, w, s.tell)
	if err = errors.Join(err, w.Flush(), f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(part, c.File); err != nil {
		return err
	}
	s.summarise(c.File, m)
	return nil
}

// tell says how far a backup or its reading is.
func (s *session) tell(what string, done int64) { s.err.printf("%s: %d\n", what, done) }

func (s *session) summarise(file string, m *backup.Manifest) {
	s.out.printf("%s: %s\n", file, m.Summary())
	for _, key := range m.Missing {
		s.err.printf("the original %s was not there any more\n", key)
	}
}

// A verifyCommand checks a backup.
type verifyCommand struct {
	File string `arg:"" help:"The backup."`
}

// Help shows an example.
func (verifyCommand) Help() string {
	return `Reads a backup to its end and checks every byte of it against its checksums, and
how much there is of each table.

Example:

    kvasir verify kvasir.tar.gz`
}

// Run checks it.
func (c *verifyCommand) Run(ctx context.Context, s *session) error {
	f, err := os.Open(c.File)
	if err != nil {
		return err
	}
	defer f.Close()
	m, err := backup.Verify(ctx, bufio.NewReaderSize(f, 1<<20), s.tell)
	if err != nil {
		return err
	}
	s.summarise(c.File, m)
	return nil
}

// A restoreCommand restores a backup.
type restoreCommand struct {
	File   string        `arg:"" help:"The backup."`
	Config config.Config `embed:""`
}

// Help shows examples.
func (restoreCommand) Help() string {
	return `Checks a backup and brings it into the data folder or the database that the
options name. There must be nothing in it, and no server may use it meanwhile.
What was made of an SQLite file may be restored into PostgreSQL, and the other way
round: that is how one moves.

Examples:

    kvasir restore kvasir.tar.gz --data NEW
    DATABASE_URL=postgres://… kvasir restore kvasir.tar.gz`
}

// Run restores it.
func (c *restoreCommand) Run(ctx context.Context, s *session) error {
	f, err := os.Open(c.File)
	if err != nil {
		return err
	}
	defer f.Close()
	m, err := app.Restore(ctx, &c.Config, f, s.tell)
	if err != nil {
		return err
	}
	s.summarise(c.File, m)
	return nil
}
