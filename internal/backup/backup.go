// Package backup keeps a copy of everything in one file, and checks and restores it.
//
// A backup is a gzipped tar: rows/TABLE-NNNNNN.jsonl hold the rows of the database as
// of one moment, files/KEY the originals, and last comes manifest.json with how much
// there is of each and the SHA-256 of every entry. A file without a manifest is one
// that broke off. It is the same whatever the database: what was made of an SQLite file
// may be restored into PostgreSQL. Servers go on while it is made.
package backup

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"kvasir/internal/fault"
)

// Rows are the database.
type Rows interface {
	// Dump hands every row of every table to put, all as of one moment.
	Dump(ctx context.Context, put func(table string, row json.RawMessage) error) error
	// Columns returns the names of the columns of each table, and the order in which
	// tables are restored.
	Columns() (order []string, columns map[string][]string)
	// Restore stores rows with these columns.
	Restore(ctx context.Context, table string, columns []string, rows []json.RawMessage) error
	// IsEmpty reports whether nothing is stored yet.
	IsEmpty(ctx context.Context) (bool, error)
}

// Files are the originals.
type Files interface {
	// Read opens one. One that is gone is NotFound.
	Read(ctx context.Context, key string) (io.ReadCloser, error)
	// Put stores one of at most limit bytes.
	Put(ctx context.Context, key string, r io.Reader, limit int64) (size int64, hash string, err error)
}

// Format is the version of the file's layout.
const Format = 1

const (
	rowsAtOnce    = 500
	bytesAtOnce   = 8 << 20 // of an entry of rows
	manifestName  = "manifest.json"
	maxManifest   = 256 << 20
	maxRowsEntry  = 256 << 20 // a row may be large
	filesPrefix   = "files/"
	rowsPrefix    = "rows/"
	filesTable    = "generations" // whose rows name originals
	progressEvery = 100
)

// A Manifest tells what is in a backup.
type Manifest struct {
	Format  int                 `json:"format"`
	Made    time.Time           `json:"made"`
	Version string              `json:"version"` // of the program
	Columns map[string][]string `json:"columns"` // of each table
	Rows    map[string]int64    `json:"rows"`    // of each table
	Files   int64               `json:"files"`
	Bytes   int64               `json:"bytes"` // of the files
	Missing []string            `json:"missing,omitempty"`
	Entries map[string]string   `json:"entries"` // SHA-256 in hexadecimal
}

// Summary says how much there is, in a line.
func (m *Manifest) Summary() string {
	return fmt.Sprintf("%d memos, %d chunks, %d vectors, %d chats, %d originals of %d MB, made %s",
		m.Rows["memos"], m.Rows["chunks"], m.Rows["vectors"], m.Rows["chats"], m.Files, m.Bytes>>20,
		m.Made.UTC().Format("2006-01-02 15:04:05 UTC"))
}

// Progress is told what is being done, now and then.
type Progress func(what string, done int64)

// Make writes a backup to w. Originals that are deleted while it is made are named in
// the manifest as missing.
func Make(ctx context.Context, w io.Writer, rows Rows, files Files, version string, tell Progress) (*Manifest, error) {
	zipped := gzip.NewWriter(w)
	m := maker{tar: tar.NewWriter(zipped), tell: tell}
	_, columns := rows.Columns()
	m.manifest = Manifest{
		Format: Format, Made: time.Now().UTC(), Version: version, Columns: columns,
		Rows: map[string]int64{}, Entries: map[string]string{},
	}
	if err := rows.Dump(ctx, m.row); err != nil {
		return nil, err
	}
	if err := m.flush(); err != nil {
		return nil, err
	}
	for _, o := range m.originals {
		if err := m.file(ctx, files, o); err != nil {
			return nil, err
		}
	}
	last, err := json.MarshalIndent(&m.manifest, "", "\t")
	if err != nil {
		return nil, err
	}
	return &m.manifest, errors.Join(m.entry(manifestName, last), m.tar.Close(), zipped.Close())
}

// A maker writes the entries.
type maker struct {
	tar      *tar.Writer
	manifest Manifest
	tell     Progress

	table  string // whose rows are collected
	buffer bytes.Buffer
	number int // of entries of rows

	originals []original
}

// An original is a file that a row names.
type original struct {
	key  string
	size int64
	hash string
}

// named returns the original that a row of the table of generations names, if any.
func (m *maker) named(row json.RawMessage) (o original, ok bool, err error) {
	var values []json.RawMessage
	if err := json.Unmarshal(row, &values); err != nil {
		return o, false, err
	}
	for i, column := range m.manifest.Columns[filesTable] {
		switch column {
		case "file_blob":
			err = errors.Join(err, json.Unmarshal(values[i], &o.key))
		case "file_size":
			err = errors.Join(err, json.Unmarshal(values[i], &o.size))
		case "file_hash":
			err = errors.Join(err, json.Unmarshal(values[i], &o.hash))
		}
	}
	return o, o.key != "", err
}

// row collects a row.
func (m *maker) row(table string, row json.RawMessage) error {
	if table != m.table || m.buffer.Len() > bytesAtOnce {
		if err := m.flush(); err != nil {
			return err
		}
		m.table = table
	}
	m.buffer.Write(row)
	m.buffer.WriteByte('\n')
	m.manifest.Rows[table]++
	if table == filesTable {
		o, ok, err := m.named(row)
		if err != nil {
			return err
		}
		if ok {
			m.originals = append(m.originals, o)
		}
	}
	if n := m.manifest.Rows[table]; n%10_000 == 0 {
		m.tell(table, n)
	}
	return nil
}

// flush writes the collected rows.
func (m *maker) flush() error {
	if m.buffer.Len() == 0 {
		return nil
	}
	defer m.buffer.Reset()
	m.number++
	return m.entry(fmt.Sprintf("%s%s-%06d.jsonl", rowsPrefix, m.table, m.number), m.buffer.Bytes())
}

func (m *maker) entry(name string, content []byte) error {
	sum := sha256.Sum256(content)
	m.manifest.Entries[name] = hex.EncodeToString(sum[:])
	head := &tar.Header{Name: name, Mode: 0o600, Size: int64(len(content)), ModTime: m.manifest.Made}
	if err := m.tar.WriteHeader(head); err != nil {
		return err
	}
	_, err := m.tar.Write(content)
	return err
}

// file copies an original. Two generations of a memo may have the same.
func (m *maker) file(ctx context.Context, files Files, o original) error {
	name := filesPrefix + o.key
	if m.manifest.Entries[name] != "" {
		return nil
	}
	f, err := files.Read(ctx, o.key)
	if fault.Is(err, fault.NotFound) {
		m.manifest.Missing = append(m.manifest.Missing, o.key)
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	head := &tar.Header{Name: name, Mode: 0o600, Size: o.size, ModTime: m.manifest.Made}
	if err := m.tar.WriteHeader(head); err != nil {
		return err
	}
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(m.tar, sum), io.LimitReader(f, o.size))
	if err != nil {
		return err
	}
	if got := hex.EncodeToString(sum.Sum(nil)); n != o.size || o.hash != "" && got != o.hash {
		return fault.New(fault.Conflict, fmt.Sprintf("the original %s is damaged: it is not what was uploaded", o.key))
	}
	m.manifest.Entries[name] = hex.EncodeToString(sum.Sum(nil))
	m.manifest.Files++
	m.manifest.Bytes += o.size
	if m.manifest.Files%progressEvery == 0 {
		m.tell("originals", m.manifest.Files)
	}
	return ctx.Err()
}

// A visitor sees the entries of a backup as they come.
type visitor struct {
	rows func(table string, rows []json.RawMessage) error
	file func(key string, size int64, r io.Reader) error
}

// read goes through a backup, checks every entry against the manifest, which comes
// last, and returns it.
func read(ctx context.Context, r io.Reader, v visitor, tell Progress) (*Manifest, error) {
	zipped, err := gzip.NewReader(r)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, "this is no backup: it is not gzipped", err)
	}
	in := tar.NewReader(zipped)
	found, rows := map[string]string{}, map[string]int64{}
	for n := int64(1); ; n++ {
		head, err := in.Next()
		if errors.Is(err, io.EOF) {
			return nil, fault.New(fault.Invalid, "the backup broke off: it has no manifest")
		}
		if err != nil {
			return nil, damaged(err)
		}
		if head.Name == manifestName {
			m, err := check(in, head.Size, found, rows)
			if err == nil { // gzip's own sum comes at the very end
				_, err = io.Copy(io.Discard, zipped)
				err = wrap(err)
			}
			return m, err
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		sum := sha256.New()
		if err := visit(head, io.TeeReader(in, sum), v, rows); err != nil {
			return nil, err
		}
		found[head.Name] = hex.EncodeToString(sum.Sum(nil))
		if n%progressEvery == 0 {
			tell("entries", n)
		}
	}
}

func damaged(err error) error { return fault.Wrap(fault.Invalid, "the backup is damaged", err) }

// visit reads one entry to its end.
func visit(head *tar.Header, r io.Reader, v visitor, rows map[string]int64) error {
	if key, ok := strings.CutPrefix(head.Name, filesPrefix); ok {
		if err := v.file(key, head.Size, r); err != nil {
			return err
		}
		_, err := io.Copy(io.Discard, r)
		return wrap(err)
	}
	name, ok := strings.CutPrefix(head.Name, rowsPrefix)
	if !ok || head.Size > maxRowsEntry {
		return fault.New(fault.Invalid, "the backup is damaged: it has an entry "+head.Name)
	}
	content, err := io.ReadAll(r)
	if err != nil {
		return damaged(err)
	}
	table, _, _ := strings.Cut(name, "-")
	var batch []json.RawMessage
	for line := range bytes.Lines(content) {
		batch = append(batch, bytes.TrimSuffix(line, []byte("\n")))
		rows[table]++
		if len(batch) == rowsAtOnce {
			if err := v.rows(table, batch); err != nil {
				return err
			}
			batch = nil
		}
	}
	if len(batch) == 0 {
		return nil
	}
	return v.rows(table, batch)
}

func wrap(err error) error {
	if err != nil {
		return damaged(err)
	}
	return nil
}

// check compares what was found with what should be there.
func check(r io.Reader, size int64, found map[string]string, rows map[string]int64) (*Manifest, error) {
	m, err := readManifest(r, size)
	if err != nil {
		return nil, err
	}
	for name, hash := range m.Entries {
		switch {
		case found[name] == "":
			return nil, fault.New(fault.Invalid, "the backup is damaged: "+name+" is missing")
		case found[name] != hash:
			return nil, fault.New(fault.Invalid, "the backup is damaged: "+name+" is not what was written")
		}
	}
	for name := range found {
		if m.Entries[name] == "" {
			return nil, fault.New(fault.Invalid, "the backup is damaged: nobody wrote "+name)
		}
	}
	for table, n := range m.Rows {
		if rows[table] != n {
			return nil, fault.New(fault.Invalid, fmt.Sprintf("the backup is damaged: %d rows of %s, not %d", rows[table], table, n))
		}
	}
	return m, nil
}

func readManifest(r io.Reader, size int64) (*Manifest, error) {
	if size > maxManifest {
		return nil, fault.New(fault.Invalid, "the backup is damaged: its manifest is too large")
	}
	var m Manifest
	if err := json.NewDecoder(r).Decode(&m); err != nil {
		return nil, damaged(err)
	}
	if m.Format != Format {
		return nil, fault.New(fault.Conflict, fmt.Sprintf("the backup's format is %d, and this version knows %d", m.Format, Format))
	}
	return &m, nil
}
