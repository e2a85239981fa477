package parse

import (
	"context"
	"fmt"
	"image"
	"io"

	"kvasir/internal/memo"
	"kvasir/internal/parse/charset"
	"kvasir/internal/parse/html"
	"kvasir/internal/parse/ocr"
	"kvasir/internal/parse/office"
	"kvasir/internal/parse/rtf"
	"kvasir/internal/parse/table"
)

func readPDF(ctx context.Context, p *Parser, in Input) (memo.Parsed, error) {
	return p.pdf.Read(ctx, in.Content, in.Size, in.Progress)
}

// recognize reads a page that is a picture.
func recognize(ctx context.Context, page *image.Gray, dpi int) (string, error) {
	return ocr.Page(ctx, page, dpi, ocr.Limits{})
}

func readDoc(ctx context.Context, p *Parser, in Input) (memo.Parsed, error) {
	return p.readOffice(ctx, office.OldWord, in)
}

func readWord(ctx context.Context, p *Parser, in Input) (memo.Parsed, error) {
	return p.readOffice(ctx, office.Word, in)
}

func readPowerPoint(ctx context.Context, p *Parser, in Input) (memo.Parsed, error) {
	return p.readOffice(ctx, office.PowerPoint, in)
}

func (p *Parser) readOffice(ctx context.Context, kind office.Kind, in Input) (memo.Parsed, error) {
	text, err := office.Text(ctx, kind, in.Content, in.Size, office.Limits{
		Unpacked: p.opts.MaxUnpacked, Text: p.opts.MaxText,
	})
	return memo.Parsed{Text: text}, err
}

func readPage(ctx context.Context, p *Parser, in Input) (memo.Parsed, error) {
	return html.Read(ctx, io.NewSectionReader(in.Content, 0, in.Size), in.MIMEType, html.Limits{Text: p.opts.MaxText})
}

func readRTF(ctx context.Context, p *Parser, in Input) (memo.Parsed, error) {
	return rtf.Read(ctx, in.Content, in.Size, rtf.Limits{Text: p.opts.MaxText})
}

func readTable(ctx context.Context, p *Parser, in Input) (memo.Parsed, error) {
	return table.Read(ctx, in.Content, in.Size, table.Limits{Text: p.opts.MaxText})
}

func readPicture(ctx context.Context, p *Parser, in Input) (memo.Parsed, error) {
	return ocr.Image(ctx, in.Content, in.Size, ocr.Limits{Text: p.opts.MaxText})
}

// readText reads plain text, which Markdown and source code are, too.
func readText(_ context.Context, _ *Parser, in Input) (memo.Parsed, error) {
	data, err := io.ReadAll(io.NewSectionReader(in.Content, 0, in.Size))
	if err != nil {
		return memo.Parsed{}, fmt.Errorf("read the file: %w", err)
	}
	return memo.Parsed{Text: charset.Decode(data)}, nil
}
