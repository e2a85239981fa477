package worker

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"kvasir/internal/fault"
	"kvasir/internal/memo"
	"kvasir/internal/parse"
)

// Parent and child speak in frames: a byte for what it is, four for its length, and
// so many bytes of JSON, or of text for the text. To a child go one setup and then
// documents, one after the other; for each come a receipt, pages done if the
// document has pages, and the text and outcome at last.
const (
	frameSetup    = 's'
	frameDocument = 'd'
	frameReceived = 'r'
	framePages    = 'p'
	frameText     = 't'
	frameOutcome  = 'o'
)

// maxFrame is the longest frame but for texts. The parts of a document may be many.
const maxFrame = 64 << 20

// A setup is what a child needs to know before its first document.
type setup struct {
	Parse  parse.Options
	Memory int64
}

// A document is where a document lies, and what is known of it.
type document struct {
	Name, MIMEType, Path string
	Size                 int64
}

// Pages are how many pages of a document are done.
type pages struct{ Done, Total int }

// An outcome is what became of a document besides its text.
type outcome struct {
	Title string
	Parts []memo.Part
	Fault *failure
}

// A failure is an error on its way from a child.
type failure struct {
	Kind    fault.Kind
	Message string // empty if it was no fault
	Cause   string
}

// asFailure returns what is told of an error.
func asFailure(err error) *failure {
	if f, ok := errors.AsType[*fault.Fault](err); ok {
		told := &failure{Kind: f.Kind, Message: f.Message}
		if f.Cause != nil {
			told.Cause = f.Cause.Error()
		}
		return told
	}
	return &failure{Cause: err.Error()}
}

// err returns the error that was told of.
func (f *failure) err() error {
	var cause error
	if f.Cause != "" {
		cause = errors.New(f.Cause)
	}
	if f.Message == "" {
		return fmt.Errorf("in the parse worker: %w", cause)
	}
	return fault.Wrap(f.Kind, f.Message, cause)
}

// writeFrame writes a value as one frame.
func writeFrame(w io.Writer, kind byte, value any) error {
	data, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("frame %q: %w", kind, err)
	}
	return writeBytes(w, kind, string(data))
}

// writeBytes writes a frame of bytes as they are.
func writeBytes(w io.Writer, kind byte, data string) error {
	if int64(len(data)) > 1<<32-1 {
		return errFrame
	}
	head := binary.BigEndian.AppendUint32([]byte{kind}, uint32(len(data)))
	if _, err := w.Write(head); err != nil {
		return err
	}
	_, err := io.WriteString(w, data)
	return err
}

var errFrame = errors.New("a frame is not as agreed")

// readHead reads what comes next, and how long it is. At the end it returns io.EOF.
func readHead(r io.Reader) (kind byte, size int64, err error) {
	var head [5]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, 0, err
	}
	return head[0], int64(binary.BigEndian.Uint32(head[1:])), nil
}

// readValue reads the rest of a frame of JSON.
func readValue(r io.Reader, size int64, into any) error {
	if size > maxFrame {
		return errFrame
	}
	data := make([]byte, size)
	if _, err := io.ReadFull(r, data); err != nil {
		return err
	}
	return json.Unmarshal(data, into)
}

// readText reads the rest of a frame of text.
func readText(r io.Reader, size, limit int64) (string, error) {
	if size > limit {
		return "", errFrame
	}
	var b strings.Builder
	b.Grow(int(size))
	_, err := io.CopyN(&b, r, size)
	return b.String(), err
}
