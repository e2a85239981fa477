package parse

import (
	"context"
	"fmt"
	"image"
	"io"
	"mime"
	"path"
	"strings"

	"kvasir/internal/fault"
	"kvasir/internal/memo"
	"kvasir/internal/parse/book"
	"kvasir/internal/parse/data"
	"kvasir/internal/parse/html"
	"kvasir/internal/parse/mail"
	"kvasir/internal/parse/notebook"
	"kvasir/internal/parse/ocr"
	"kvasir/internal/parse/office"
	"kvasir/internal/parse/rtf"
	"kvasir/internal/parse/table"
	"kvasir/internal/parse/text"
	"kvasir/internal/parse/xml"
)

func readPDF(ctx context.Context, p *Parser, in Input) (memo.Parsed, error) {
	return p.pdf.Read(ctx, in.Content, in.Size, in.Progress)
}

// recognize reads a page that is a picture.
func (p *Parser) recognize(ctx context.Context, page *image.Gray, dpi int) (string, error) {
	return ocr.Page(ctx, page, dpi, p.ocrLimits())
}

func (p *Parser) ocrLimits() ocr.Limits {
	return ocr.Limits{Languages: p.opts.OCRLanguages, Text: p.opts.MaxText, Timeout: p.opts.Timeout}
}

func readPicture(ctx context.Context, p *Parser, in Input) (memo.Parsed, error) {
	if p.opts.NoOCR {
		return memo.Parsed{}, fault.New(fault.Invalid, "Text in pictures is not read here: the server is set up so")
	}
	return ocr.Image(ctx, in.Content, in.Size, p.ocrLimits())
}

// readOffice returns the reader of one kind of office file.
func readOffice(kind office.Kind) reader {
	return func(ctx context.Context, p *Parser, in Input) (memo.Parsed, error) {
		return office.Read(ctx, kind, in.Content, in.Size, office.Limits{
			Unpacked: p.opts.MaxUnpacked, Text: p.opts.MaxText,
		}, in.Progress)
	}
}

func readBook(ctx context.Context, p *Parser, in Input) (memo.Parsed, error) {
	limits := book.Limits{Unpacked: p.opts.MaxUnpacked, Text: p.opts.MaxText}
	page := func(ctx context.Context, _ string, r io.Reader) (memo.Parsed, error) {
		return p.readHTML(ctx, r, "")
	}
	return book.Read(ctx, in.Content, in.Size, limits, page, in.Progress)
}

func readPage(ctx context.Context, p *Parser, in Input) (memo.Parsed, error) {
	return p.readHTML(ctx, io.NewSectionReader(in.Content, 0, in.Size), in.MIMEType)
}

// readHTML reads a web page.
func (p *Parser) readHTML(ctx context.Context, r io.Reader, contentType string) (memo.Parsed, error) {
	return html.Read(ctx, r, contentType, html.Limits{Text: p.opts.MaxText})
}

func readXML(ctx context.Context, p *Parser, in Input) (memo.Parsed, error) {
	return xml.Read(ctx, in.Content, in.Size, xml.Limits{Text: p.opts.MaxText})
}

func readRTF(ctx context.Context, p *Parser, in Input) (memo.Parsed, error) {
	return rtf.Read(ctx, in.Content, in.Size, rtf.Limits{Text: p.opts.MaxText})
}

func readTable(ctx context.Context, p *Parser, in Input) (memo.Parsed, error) {
	return table.Read(ctx, in.Content, in.Size, table.Limits{Text: p.opts.MaxText})
}

func readData(ctx context.Context, p *Parser, in Input) (memo.Parsed, error) {
	return data.Read(ctx, in.Content, in.Size, data.Limits{Text: p.opts.MaxText})
}

func readMail(ctx context.Context, p *Parser, in Input) (memo.Parsed, error) {
	return mail.Read(ctx, in.Content, in.Size, p.mailLimits(), p.insideMail(in))
}

func readOutlook(ctx context.Context, p *Parser, in Input) (memo.Parsed, error) {
	return mail.ReadOutlook(ctx, in.Content, in.Size, p.mailLimits(), p.insideMail(in))
}

func (p *Parser) mailLimits() mail.Limits {
	return mail.Limits{Text: p.opts.MaxText, Bytes: p.opts.MaxInput, Depth: p.opts.MaxNested}
}

// insideMail returns what reads the pieces of a mail.
func (p *Parser) insideMail(in Input) mail.Readers {
	return mail.Readers{
		HTML: p.readHTML,
		RTF: func(ctx context.Context, r io.ReaderAt, size int64) (memo.Parsed, error) {
			return rtf.Read(ctx, r, size, rtf.Limits{Text: p.opts.MaxText})
		},
		Attachment: func(
			ctx context.Context, name, mimeType string, r io.ReaderAt, size int64,
		) (memo.Parsed, error) {
			if in.nested >= p.opts.MaxNested {
				return memo.Parsed{}, fault.New(fault.Invalid, fmt.Sprintf(
					"It is inside of more than %d other files", p.opts.MaxNested))
			}
			return p.inner(ctx, Input{
				Name: name, MIMEType: mimeType, Content: r, Size: size, nested: in.nested + 1,
			})
		},
	}
}

// extensionOf are the extensions of types under which mails attach files whose names
// do not say what they are.
var extensionOf = map[string]string{
	"application/pdf":  ".pdf",
	"application/rtf":  ".rtf",
	"application/json": ".json",
	"application/vnd.openxmlformats-officedocument.wordprocessingml.document":   ".docx",
	"application/vnd.openxmlformats-officedocument.presentationml.presentation": ".pptx",
	"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet":         ".xlsx",
	"application/msword": ".doc",
	"image/jpeg":         ".jpg",
	"image/png":          ".png",
	"image/tiff":         ".tiff",
	"message/rfc822":     ".eml",
	"text/calendar":      ".txt",
	"text/csv":           ".csv",
	"text/html":          ".html",
	"text/plain":         ".txt",
	"text/xml":           ".xml",
}

// parseInner reads a file that is in another one. If its type says what it is and its
// name does not, it gets a better name.
func (p *Parser) parseInner(ctx context.Context, in Input) (memo.Parsed, error) {
	if _, ok := known(strings.ToLower(path.Ext(in.Name))); !ok {
		if kind, _, err := mime.ParseMediaType(in.MIMEType); err == nil {
			in.Name += extensionOf[kind]
		}
	}
	return p.Parse(ctx, in)
}

func readText(ctx context.Context, p *Parser, in Input) (memo.Parsed, error) {
	return text.Read(ctx, in.Name, in.Content, in.Size, text.Limits{Text: p.opts.MaxText})
}

func readNotebook(ctx context.Context, p *Parser, in Input) (memo.Parsed, error) {
	limits := notebook.Limits{Text: p.opts.MaxText, Bytes: p.opts.MaxInput}
	return notebook.Read(ctx, in.Content, in.Size, limits, p.readHTML)
}
