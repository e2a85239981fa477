// Package ingest takes memos in and makes them searchable: parsed, cut into
// chunks, embedded.
//
// The memo row is the durable work item. [Service.Add] and its siblings only
// store what is to be done; [Service.Run] claims rows by lease, takes each
// through its stages and stores every result as it arrives, so that a crash
// anywhere resumes at the first missing one. All results name the claim: once a
// memo is changed or deleted, the older run's writes are refused and its
// context is cancelled.
package ingest

import (
	"context"
	"io"
	"iter"
	"log/slog"
	"math"
	"path"
	"time"

	"github.com/google/uuid"

	"kvasir/internal/account"
	"kvasir/internal/fault"
	"kvasir/internal/llm"
	"kvasir/internal/memo"
)

// editor stores what clients ask for, each call in one transaction.
type editor interface {
	CreateMemo(ctx context.Context, p account.ProjectID, id memo.ID, d memo.Draft, now time.Time) error
	UpsertMemo(ctx context.Context, p account.ProjectID, id memo.ID, d memo.Draft, now time.Time) (memo.Upserted, error)
	UpdateMemo(ctx context.Context, p account.ProjectID, ref memo.Ref, patch memo.Patch, now time.Time) (memo.Edited, error)
}

// remover ends a memo, or lets a failed one start again.
type remover interface {
	DeleteMemo(ctx context.Context, p account.ProjectID, ref memo.Ref, now time.Time) (memo.Deleted, error)
	RetryMemo(ctx context.Context, p account.ProjectID, ref memo.Ref, now time.Time) (memo.ID, error)
}

// enricher is the part of the store that asks for texts by a model.
type enricher interface {
	// Reenrich has the aspects of a memo written again, on its live generation.
	Reenrich(
		ctx context.Context, p account.ProjectID, ref memo.Ref, aspects []memo.Aspect, now time.Time,
	) (memo.ID, error)
	// SetProcessing stores how the memos of a project are cut and enriched.
	SetProcessing(ctx context.Context, p account.ProjectID, how memo.Processing) error
}

// Files keeps the originals of documents.
type Files interface {
	// Put stores at most limit bytes under key and returns their count and
	// SHA-256 in hexadecimal. More is a TooLarge fault, and stores nothing.
	Put(ctx context.Context, key string, r io.Reader, limit int64) (size int64, hash string, err error)
	// Open opens a stored file for reading; the caller closes it.
	Open(ctx context.Context, key string) (Original, error)
	// Delete removes a file; one that is not there is no error.
	Delete(ctx context.Context, key string) error
}

// An Original is a file that is open for reading.
type Original = interface {
	io.ReaderAt
	io.ReadSeeker
	io.Closer
	// Path returns where the bytes lie on this machine's disk, for as long as the
	// file is open.
	Path() string
}

// Store is what ingest needs of the database.
type Store interface {
	editor
	remover
	enricher
	worklist
	results
	outcomes
	gaps
}

// Models is what ingest needs of dispatch.
type Models interface {
	// Versions returns the index versions that are kept, the live one first.
	Versions() []Version
	CountTokens(text string) int
	Generate(
		ctx context.Context, call llm.Call, generator string, req llm.GenerateRequest,
	) iter.Seq2[llm.Event, error]
}

// Options bound the work in progress. The zero value of a field is its default.
type Options struct {
	InFlight      int   // memos worked on at once; 256
	InFlightBytes int64 // their texts and files together; 64 MiB
	Parsers       int   // documents parsed or cut at once; all processors but one, at least 1
	FileBytes     int64 // the largest file taken in; 100 MiB
	Attempts      int   // tries before a memo that meets internal failures ends as an error; 20
	WindowTokens  int   // of a document that a model reads to enrich it; 24,000

	// Writer is the generator that enriches; empty for none.
	Writer string
}

// A Service takes memos in.
type Service struct {
	store     Store
	originals Originals
	models    Models
	log       *slog.Logger
	opts      Options

	running running
	intake  intake
	ails    ails
}

// New returns a service; its work starts in [Service.Run].
func New(store Store, originals Originals, models Models, log *slog.Logger, opts *Options) *Service {
	o := Options{}
	if opts != nil {
		o = *opts
	}
	o.setDefaults()
	s := &Service{store: store, originals: originals, models: models, log: log, opts: o}
	s.running.byKey = map[runKey]run{}
	return s
}

// An Upload is a file on its way in.
type Upload struct {
	Name     string
	MIMEType string
	Body     io.Reader // read once, to the end, and stored before Add returns
}

// Add stores a memo. When it returns, the memo is durable and will be processed.
// With upload, d.Content is empty and the memo is a document.
func (s *Service) Add(
	ctx context.Context, p account.ProjectID, d memo.Draft, upload *Upload,
) (memo.ID, error) {
	defer s.intake.begin()()
	if err := s.check(d.Processing); err != nil {
		return "", err
	}
	id := newID()
	if err := s.keep(ctx, p, id, &d, upload); err != nil {
		return "", err
	}
	if err := s.store.CreateMemo(ctx, p, id, d, time.Now()); err != nil {
		s.discard(ctx, d.File)
		return "", err
	}
	return id, nil
}

// Upsert replaces the memo with the draft's reference id by a new generation, or
// adds it. An unchanged content keeps the live generation. It reports whether
// the memo is new.
func (s *Service) Upsert(
	ctx context.Context, p account.ProjectID, d memo.Draft, upload *Upload,
) (memo.ID, bool, error) {
	defer s.intake.begin()()
	if d.ReferenceID == nil || *d.ReferenceID == "" {
		return "", false, fault.New(fault.Invalid, "reference_id: Required")
	}
	if err := s.check(d.Processing); err != nil {
		return "", false, err
	}
	id := newID()
	if err := s.keep(ctx, p, id, &d, upload); err != nil {
		return "", false, err
	}
	up, err := s.store.UpsertMemo(ctx, p, id, d, time.Now())
	if err != nil {
		s.discard(ctx, d.File)
		return "", false, err
	}
	s.running.cancel(up.ID, up.Generation)
	if !up.Created && !up.Reindexed {
		s.discard(ctx, d.File) // the same bytes are kept already
	}
	s.discardBlobs(ctx, up.DroppedBlobs)
	return up.ID, up.Created, nil
}

// Update applies a patch. A new title or content starts a new generation.
func (s *Service) Update(
	ctx context.Context, p account.ProjectID, ref memo.Ref, patch memo.Patch,
) (memo.ID, error) {
	edited, err := s.store.UpdateMemo(ctx, p, ref, patch, time.Now())
	if err != nil {
		return "", err
	}
	s.running.cancel(edited.ID, edited.Generation)
	return edited.ID, nil
}

// Delete removes a memo, its chunks and its file, and stops work on it.
func (s *Service) Delete(ctx context.Context, p account.ProjectID, ref memo.Ref) error {
	gone, err := s.store.DeleteMemo(ctx, p, ref, time.Now())
	if err != nil {
		return err
	}
	s.running.cancel(gone.ID, math.MaxInt)
	s.discardBlobs(ctx, gone.Blobs)
	return nil
}

// Retry starts a failed memo again.
func (s *Service) Retry(ctx context.Context, p account.ProjectID, ref memo.Ref) (memo.ID, error) {
	return s.store.RetryMemo(ctx, p, ref, time.Now())
}

// Enrich has aspects of a processed memo written, those that it has written again.
// It stays searchable meanwhile.
func (s *Service) Enrich(
	ctx context.Context, p account.ProjectID, ref memo.Ref, aspects []memo.Aspect,
) (memo.ID, error) {
	if err := s.check(memo.Processing{Enrich: aspects}); err != nil {
		return "", err
	}
	return s.store.Reenrich(ctx, p, ref, aspects, time.Now())
}

// SetProcessing says how the project's memos are cut and enriched from now on.
func (s *Service) SetProcessing(ctx context.Context, p account.ProjectID, how memo.Processing) error {
	if err := s.check(how); err != nil {
		return err
	}
	return s.store.SetProcessing(ctx, p, how)
}

// check refuses enrichment that nobody could write.
func (s *Service) check(how memo.Processing) error {
	if len(how.Enrich) > 0 && s.opts.Writer == "" {
		return fault.New(fault.Invalid, "enrich: "+errNoWriter)
	}
	return nil
}

// keep stores the upload's bytes and completes the draft with its file.
func (s *Service) keep(
	ctx context.Context, p account.ProjectID, id memo.ID, d *memo.Draft, upload *Upload,
) error {
	if upload == nil {
		return nil
	}
	key := path.Join(string(p), string(id))
	size, hash, err := s.originals.Files.Put(ctx, key, upload.Body, s.opts.FileBytes)
	if err != nil {
		return err
	}
	d.File = &memo.File{Name: upload.Name, MIMEType: upload.MIMEType, Size: size, Blob: key, Hash: hash}
	return nil
}

func (s *Service) discard(ctx context.Context, f *memo.File) {
	if f != nil {
		s.discardBlobs(ctx, []string{f.Blob})
	}
}

// discardBlobs deletes files that nothing refers to, even if ctx has ended. A
// failure leaves an orphan and harms nobody, so it is logged and not returned.
func (s *Service) discardBlobs(ctx context.Context, keys []string) {
	ctx = context.WithoutCancel(ctx)
	for _, key := range keys {
		if err := s.originals.Files.Delete(ctx, key); err != nil {
			s.log.WarnContext(ctx, "file not deleted", "blob", key, "error", err)
		}
	}
}

func newID() memo.ID { return memo.ID(uuid.Must(uuid.NewV7()).String()) }
