package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"strings"

	"kvasir/internal/api/field"
	"kvasir/internal/fault"
	"kvasir/internal/ingest"
	"kvasir/internal/memo"
)

// An uploadForm documents the parts of an upload; [form] reads them.
type uploadForm struct {
	File           string `json:"file" format:"binary" doc:"The document; its name tells its type."`
	Title          string `json:"title,omitempty" doc:"Cut to 255 characters. By default the file's name."`
	Source         string `json:"source,omitempty" maxLength:"255"`
	ReferenceID    string `json:"reference_id,omitempty" maxLength:"255"`
	ExpirationDate string `json:"expiration_date,omitempty" format:"date-time" doc:"May be past."`
	Tags           string `json:"tags,omitempty" doc:"A JSON array of texts." example:"[\"policy\"]"`
	Metadata       string `json:"metadata,omitempty" doc:"A JSON object. original_filename, mimetype and size are added."`
	Scopes         string `json:"scopes,omitempty" doc:"A JSON object of texts."`
	Processing     string `json:"processing,omitempty" doc:"A JSON object, as beside content." example:"{\"enrich\":[]}"`
}

const (
	maxFileNameUnits = 200  // of original_filename
	maxParts         = 1000 // of a form
	formOverhead     = 1 << 20
)

// A form is a received upload. Its file lies on disk, so parts may come in any
// order, and a client that breaks off has changed nothing.
type form struct {
	texts    map[string]string
	file     *os.File // nil if there was none
	fileName string
	fileType string
	fileSize int64
}

// close removes the file.
func (f *form) close() {
	if f.file != nil {
		_ = f.file.Close()           // it was written and read in full
		_ = os.Remove(f.file.Name()) // a leftover in a temporary folder harms nobody
	}
}

func (s *server) uploadMemo(ctx context.Context, in *createInput) (*createOutput, error) {
	f, err := s.readForm(&in.request)
	defer f.close()
	if err != nil {
		return nil, err
	}
	draft, err := f.draft()
	if err != nil {
		return nil, err
	}
	if _, err := f.file.Seek(0, io.SeekStart); err != nil {
		return nil, fmt.Errorf("rewind upload: %w", err)
	}
	return s.store(ctx, in, draft, &ingest.Upload{Name: f.fileName, MIMEType: f.fileType, Body: f.file})
}

// readForm receives an upload. The form is to be closed even after an error.
func (s *server) readForm(q *request) (*form, error) {
	f := &form{texts: map[string]string{}}
	if !isMultipart(q.r) {
		return f, invalid("Content-Type must be multipart/form-data")
	}
	body := http.MaxBytesReader(q.w, q.r.Body, s.Options.MaxUploadBytes+s.Options.MaxBodyBytes+formOverhead)
	q.r.Body = body
	parts, err := q.r.MultipartReader()
	if err != nil {
		return f, fault.Wrap(fault.Invalid, "File upload error: "+words(err), err)
	}
	err = s.readParts(f, parts)
	drain(body) // a form may end before its body does
	if err != nil {
		return f, err
	}
	if f.file == nil {
		return f, invalid("file: Required (send the document in a part named file, with a file name)")
	}
	return f, nil
}

func (s *server) readParts(f *form, parts *multipart.Reader) error {
	room := s.Options.MaxBodyBytes // for texts
	for range maxParts {
		part, err := parts.NextPart()
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return s.formFailure(err)
		case part.FileName() != "":
			err = s.readFile(f, part)
		default:
			err = s.readText(f, part, &room)
		}
		if err != nil {
			return err
		}
	}
	return invalid(fmt.Sprintf("File upload error: more than %d parts", maxParts))
}

// readFile spools the one file.
func (s *server) readFile(f *form, part *multipart.Part) error {
	if part.FormName() != "file" || f.file != nil {
		return invalid("File upload error: Unexpected file field")
	}
	f.fileName = cleanFileName(part.FileName())
	f.fileType = part.Header.Get("Content-Type")
	if f.fileType == "" {
		f.fileType = "application/octet-stream"
	}
	if err := s.CheckFileName(f.fileName); err != nil {
		return err
	}
	file, err := os.CreateTemp(s.TempDir, "upload-*")
	if err != nil {
		return fmt.Errorf("spool upload: %w", err)
	}
	f.file = file
	limit := s.Options.MaxUploadBytes
	f.fileSize, err = io.Copy(file, io.LimitReader(part, limit+1))
	switch {
	case f.fileSize > limit:
		unit := strings.Replace(sizeText(limit), " MiB", "MB", 1)
		return invalid("File size exceeds " + unit + " limit")
	case err != nil:
		if _, isDisk := errors.AsType[*os.PathError](err); isDisk {
			return fmt.Errorf("spool upload: %w", err)
		}
		return s.formFailure(err)
	}
	return nil
}

func (s *server) readText(f *form, part *multipart.Part, room *int64) error {
	text, err := io.ReadAll(io.LimitReader(part, *room+1))
	if err != nil {
		return s.formFailure(err)
	}
	if *room -= int64(len(text)); *room < 0 {
		return tooLarge(s.Options.MaxBodyBytes)
	}
	f.texts[part.FormName()] = validUTF8(string(text))
	return nil
}

// formFailure explains a form that cannot be read.
func (s *server) formFailure(err error) error {
	if _, tooMuch := errors.AsType[*http.MaxBytesError](err); tooMuch {
		return tooLarge(s.Options.MaxUploadBytes)
	}
	if isTimeout(err) {
		return readFailure(err)
	}
	return fault.Wrap(fault.Invalid, "File upload error: "+words(err), err)
}

// words makes an error of the multipart reader readable.
func words(err error) string {
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return "Unexpected end of form"
	}
	return field.Cut(strings.TrimPrefix(err.Error(), "multipart: "), maxFileNameUnits)
}

// draft checks the texts. Tags, metadata and scopes are JSON within text.
func (f *form) draft() (memo.Draft, error) {
	var a MemoAttributes
	var c field.Complaints
	f.text("source", &a.Source)
	f.text("reference_id", &a.ReferenceID)
	if at := f.texts["expiration_date"]; at != "" {
		a.Expires = field.Of[field.Date]{Sent: "string"}
		a.Expires.Wrong = field.ParseDate(at, &a.Expires.Value)
	}
	jsonText(f, "tags", &a.Tags)
	jsonText(f, "metadata", &a.Metadata)
	jsonText(f, "scopes", &a.Scopes)
	jsonText(f, "processing", &a.Processing)
	a.Metadata.Sent = "object" // what the file adds is always there
	if a.Metadata.Value == nil {
		a.Metadata.Value = map[string]any{}
	}
	a.Metadata.Value["original_filename"] = field.Cut(f.fileName, maxFileNameUnits)
	a.Metadata.Value["mimetype"] = validUTF8(f.fileType)
	a.Metadata.Value["size"] = f.fileSize
	d := memo.Draft{Attributes: a.attributes(&c), Processing: a.processing(&c)}
	d.Title = cutTitle(f.texts["title"])
	if d.Title == "" {
		d.Title = cutTitle(titleOf(f.fileName))
	}
	if strings.ContainsRune(d.Title, 0) {
		c.Add("title", field.NoNUL)
	}
	return d, c.Err(", ")
}

// text reads a part that is a text; an empty one counts as absent.
func (f *form) text(name string, into *field.Of[string]) {
	text := f.texts[name]
	if text == "" {
		return
	}
	*into = field.Of[string]{Value: text, Sent: "string"}
	if strings.ContainsRune(text, 0) {
		into.Wrong = field.NoNUL
	}
}

// jsonText reads a part that is JSON within a text.
func jsonText[T any](f *form, name string, into *field.Of[T]) {
	text := strings.TrimSpace(f.texts[name])
	if text == "" {
		return
	}
	var sent struct {
		Value field.Of[T] `json:"value"`
	}
	if err := unmarshal([]byte(`{"value":`+text+`}`), &sent); err != nil {
		*into = field.Of[T]{Sent: "string", Wrong: "Invalid JSON"}
		return
	}
	*into = sent.Value
}
