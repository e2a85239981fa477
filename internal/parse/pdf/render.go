package pdf

import (
	"context"
	"errors"
	"fmt"
	"image"
	"math"
)

// maxPixels bounds a page's picture; one of A4 at 300 dpi has 8.7 million. It fits
// the sandbox, which holds the document and the pictures on the page as well.
const maxPixels = 24_000_000

// picture draws a page in shades of grey. A page that is larger than allowed is
// drawn coarser.
func (d *document) picture(ctx context.Context, index int, dpi float64) (*image.Gray, error) {
	m, quick := d.m, context.WithoutCancel(ctx)
	handle := m.call(ctx, "FPDF_LoadPage", d.handle, uint64(index))
	if m.err != nil {
		return nil, m.err
	}
	if handle == 0 {
		return nil, fmt.Errorf("page %d: %w", index+1, errPage)
	}
	defer m.call(quick, "FPDF_ClosePage", handle)
	w, h := d.pixels(quick, index, dpi)
	const grey, white = 1, 0xffffffff
	bitmap := m.call(quick, "FPDFBitmap_CreateEx", uint64(w), uint64(h), grey, 0, 0)
	if bitmap == 0 {
		return nil, errors.Join(m.err, fmt.Errorf("page %d: no memory for its picture", index+1))
	}
	defer m.call(quick, "FPDFBitmap_Destroy", bitmap)
	m.call(quick, "FPDFBitmap_FillRect", bitmap, 0, 0, uint64(w), uint64(h), white)
	const withAnnotations, inGrey = 0x01, 0x08
	m.call(ctx, "FPDF_RenderPageBitmap", bitmap, handle, 0, 0, uint64(w), uint64(h), 0, withAnnotations|inGrey)
	stride := m.number(quick, "FPDFBitmap_GetStride", bitmap)
	buffer := uint32(m.call(quick, "FPDFBitmap_GetBuffer", bitmap))
	data, ok := m.memory.Read(buffer, uint32(stride*h))
	if m.err != nil || !ok || stride < w {
		return nil, errors.Join(m.err, fmt.Errorf("page %d: its picture cannot be read", index+1))
	}
	img := image.NewGray(image.Rect(0, 0, w, h))
	for y := range h {
		copy(img.Pix[y*img.Stride:y*img.Stride+w], data[y*stride:])
	}
	return img, nil
}

// pixels returns how large a page's picture is.
func (d *document) pixels(quick context.Context, index int, dpi float64) (w, h int) {
	width, height := 612.0, 792.0
	if d.m.number(quick, "FPDF_GetPageSizeByIndexF", d.handle, uint64(index), d.m.at(0)) != 0 {
		width, height = max(d.m.float32(0), 1), max(d.m.float32(1), 1)
	}
	scale := dpi / 72
	scale = min(scale, math.Sqrt(maxPixels/(width*height)))
	return max(int(width*scale), 1), max(int(height*scale), 1)
}
