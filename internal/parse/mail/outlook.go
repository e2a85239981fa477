package mail

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"path"
	"strings"
	"time"

	"kvasir/internal/fault"
	"kvasir/internal/memo"
	"kvasir/internal/parse/charset"
	"kvasir/internal/parse/compound"
)

// ReadOutlook reads a message of Outlook of size bytes.
func ReadOutlook(ctx context.Context, r io.ReaderAt, size int64, limits Limits, readers Readers) (memo.Parsed, error) {
	limits = limits.withDefaults()
	if err := withinBytes(size, limits); err != nil {
		return memo.Parsed{}, err
	}
	f, err := compound.Open(r, size)
	if err != nil {
		return memo.Parsed{}, damaged(err)
	}
	rd := &reader{limits: limits, readers: readers}
	return rd.outlook(ctx, storage{file: f, budget: new(limits.Bytes)}, 0)
}

// damaged returns the fault of a file that cannot be read.
func damaged(cause error) error {
	return fault.Wrap(fault.Invalid, "The file is damaged and cannot be read", cause)
}

// outlook reads a message at a depth of mails in mails.
func (rd *reader) outlook(ctx context.Context, s storage, depth int) (memo.Parsed, error) {
	if depth > rd.limits.Depth {
		return memo.Parsed{}, fault.New(fault.TooLarge, fmt.Sprintf("more than %d mails in mails", rd.limits.Depth))
	}
	headerSize := 32
	if depth > 0 {
		headerSize = 24
	}
	s, err := s.enter(s.path, headerSize)
	if err != nil {
		return memo.Parsed{}, err
	}
	s.page = cmp.Or(s.long(propCodePage), s.page)
	if depth == 0 && len(s.fixed) == 0 {
		return memo.Parsed{}, fault.New(fault.Invalid, "The file is no message of Outlook")
	}
	m := &message{}
	if err := s.head(m); err != nil {
		return memo.Parsed{}, err
	}
	if err := s.texts(m); err != nil {
		return memo.Parsed{}, err
	}
	for i, name := range s.file.Names(strings.TrimSuffix(s.path, "/")) {
		if i%64 == 0 && ctx.Err() != nil {
			return memo.Parsed{}, context.Cause(ctx)
		}
		lower := strings.ToLower(name)
		switch {
		case strings.HasPrefix(lower, "__recip_version1.0_"):
			err = s.recipient(m, name)
		case strings.HasPrefix(lower, "__attach_version1.0_"):
			err = rd.attached(s, m, name, depth)
		}
		if err != nil {
			return memo.Parsed{}, err
		}
	}
	if err := s.lists(m); err != nil {
		return memo.Parsed{}, err
	}
	return rd.write(ctx, m)
}

// head reads who sent a message, when, and about what.
func (s storage) head(m *message) error {
	raw, err := s.text(propHeaders)
	if err != nil {
		return err
	}
	h, _ := splitHeader([]byte(raw))
	if m.subject, err = s.text(propSubject); err != nil {
		return err
	}
	name, err := s.text(propSentName, propSenderName)
	if err != nil {
		return err
	}
	address, err := s.text(propSentSMTP, propSenderSMTP, propSentAddress, propSenderMail)
	if err != nil {
		return err
	}
	m.from = person(name, address)
	m.date = h.date()
	for _, id := range []uint16{propSubmitTime, propDelivered} {
		if v, ok := s.value(id, typeTime); ok && v != 0 && m.date == "" {
			m.date = fileTime(v).Format(dateFormat)
		}
	}
	return nil
}

// fileTime returns a time that is counted in 100 ns from 1601 on.
func fileTime(v uint64) time.Time {
	const to1970 = 11_644_473_600 // seconds
	return time.Unix(int64(v/10_000_000)-to1970, 0).UTC()
}

// person returns a name with its address. Addresses inside Exchange, which have no
// @, are of no use.
func person(name, address string) string {
	switch {
	case !strings.Contains(address, "@"), strings.Contains(name, address):
		return name
	case name == "":
		return address
	}
	return name + " <" + address + ">"
}

// texts reads the text of a message, however it is written.
func (s storage) texts(m *message) error {
	plain, err := s.text(propBody)
	if err != nil {
		return err
	}
	body := section{plain: plain}
	web, err := s.read(stream(propHTML, typeBinary))
	if err != nil {
		return err
	}
	contentType := "text/html; charset=utf-8"
	if label := codePage(s.long(propBodyPage)); label != "" {
		web = []byte(charset.Named(label, web))
	} else if len(web) > 0 {
		contentType = "text/html"
	}
	if len(web) == 0 {
		text, err := s.text(propHTML)
		if err != nil {
			return err
		}
		web = []byte(text)
	}
	if len(web) > 0 {
		body.pages = append(body.pages, page{web, contentType})
	}
	m.body = append(m.body, body)
	packed, err := s.read(stream(propRTF, typeBinary))
	if err != nil || len(packed) == 0 || plain != "" || len(body.pages) > 0 {
		return err
	}
	if m.rtf, err = unpackRTF(packed, *s.budget); err != nil {
		m.left = append(m.left, "the text in RTF (damaged)")
	}
	return nil
}

// recipient reads to whom a message went.
func (s storage) recipient(m *message, name string) error {
	r, err := s.enter(s.path+name+"/", 8)
	if err != nil {
		return err
	}
	display, err := r.text(propName)
	if err != nil {
		return err
	}
	address, err := r.text(propSMTP, propMail)
	if err != nil {
		return err
	}
	who := person(strings.Trim(display, `'"`), address)
	switch r.long(propRecipient) {
	case 1:
		m.to = append(m.to, who)
	case 2:
		m.cc = append(m.cc, who)
	}
	return nil
}

// lists reads to whom a message went that does not list its recipients one by one.
func (s storage) lists(m *message) error {
	to, err := s.text(propDisplayTo)
	if err != nil {
		return err
	}
	cc, err := s.text(propDisplayCc)
	if err != nil {
		return err
	}
	if len(m.to) == 0 && to != "" {
		m.to = []string{to}
	}
	if len(m.cc) == 0 && cc != "" {
		m.cc = []string{cc}
	}
	return nil
}

// attached reads one attachment.
func (rd *reader) attached(s storage, m *message, name string, depth int) error {
	if len(m.attached) >= rd.limits.Parts {
		return fault.New(fault.TooLarge, fmt.Sprintf("The mail has more than %d attachments", rd.limits.Parts))
	}
	a, err := s.enter(s.path+name+"/", 8)
	if err != nil {
		return err
	}
	called, err := a.text(propLongName, propShortName, propName)
	if err != nil {
		return err
	}
	mimeType, err := a.text(propMIME)
	if err != nil {
		return err
	}
	inner := stream(propData, typeObject)
	if a.file.Has(a.path + inner + "/" + fixedProps) {
		if a, err = a.enter(a.path+inner+"/", 24); err != nil {
			return err
		}
		a.page = cmp.Or(a.long(propCodePage), a.page)
		subject, err := a.text(propSubject)
		if err != nil {
			return err
		}
		m.attached = append(m.attached, file{
			name: cmp.Or(subject, called, "mail"),
			open: func(ctx context.Context) (memo.Parsed, error) { return rd.outlook(ctx, a, depth+1) },
		})
		return nil
	}
	data, err := a.read(stream(propData, typeBinary))
	if err != nil {
		return err
	}
	hidden, _ := a.value(propHidden, typeBool)
	id, err := a.text(propContentID)
	if err != nil {
		return err
	}
	if isPicture(data) && (hidden != 0 || id != "") {
		return nil // in the text
	}
	m.attached = append(m.attached, file{
		name: cmp.Or(path.Base(strings.ReplaceAll(called, `\`, "/")), "unnamed"), mimeType: mimeType, data: data,
	})
	return nil
}

// isPicture reports whether data is an image as mails have them in their text.
func isPicture(data []byte) bool {
	for _, start := range []string{"\x89PNG", "\xff\xd8\xff", "GIF8", "BM"} {
		if bytes.HasPrefix(data, []byte(start)) {
			return true
		}
	}
	return false
}
