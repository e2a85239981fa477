package bench

import (
	"bytes"
	"fmt"
	"math"
	"time"
)

// A Document is a report on everything that was measured in one run.
type Document struct {
	Machine string
	Began   time.Time
	Command string
	Version string
	Reports []*Report
	Curve   []Point // chunks, and the middle time of a search in milliseconds
}

// A Point is one of a plot.
type Point struct{ X, Y float64 }

// Figure returns what was measured under a name, not a number if nothing was.
func (r *Report) Figure(name string) float64 {
	for _, f := range r.Figures {
		if f.Name == name && f.Measured != nil {
			return *f.Measured
		}
	}
	return math.NaN()
}

// Markdown returns the document.
func (d *Document) Markdown() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# Performance\n\nWritten by `%s`, version %s, on %s.\n\n%s\n\n", d.Command, d.Version,
		d.Began.UTC().Format("2006-01-02 15:04 UTC"), d.Machine)
	b.WriteString("Servers run as processes of their own on this machine, beside the scripted provider and the callers, so all of " +
		"them share its processors.\n\n")
	if len(d.Curve) > 1 {
		b.WriteString("![search over chunks](performance.svg)\n\n")
	}
	for _, r := range d.Reports {
		fmt.Fprintf(&b, "## %s: %s\n\n", r.Scenario, r.About)
		for _, c := range r.Conditions {
			fmt.Fprintf(&b, "* %s\n", c)
		}
		b.WriteString("\n| | measured | possible | goal | |\n|---|---|---|---|---|\n")
		for _, f := range r.Figures {
			met := ""
			if f.Met != nil {
				met = map[bool]string{true: "met", false: "**missed**"}[*f.Met]
			}
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", f.Name, number(f.Measured, f.Unit), number(f.Theory, f.Unit), f.Goal, met)
		}
		b.WriteString("\n")
	}
	return b.Bytes()
}

// number writes a figure with as many digits as say something.
func number(v *float64, unit string) string {
	if v == nil {
		return ""
	}
	digits := 0
	if *v != math.Trunc(*v) && math.Abs(*v) < 100 {
		digits = 2
	}
	return fmt.Sprintf("%.*f %s", digits, *v, unit)
}

// Plot returns the curve as an SVG: both axes are logarithmic.
func (d *Document) Plot() []byte {
	const width, height, margin = 640.0, 360.0, 60.0
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %g %g" font-family="sans-serif" font-size="13">`+"\n", width, height)
	fmt.Fprintf(&b, `<rect width="%g" height="%g" fill="#fff"/><text x="%g" y="24">Middle time of a search, over chunks of the project</text>`+"\n",
		width, height, margin)
	if len(d.Curve) == 0 {
		b.WriteString("</svg>\n")
		return b.Bytes()
	}
	lowX, highX := math.Log10(d.Curve[0].X), math.Log10(d.Curve[0].X)
	lowY, highY := -0.5, 2.0 // 0.3 ms to 100 ms
	for _, p := range d.Curve {
		lowX, highX = min(lowX, math.Log10(p.X)), max(highX, math.Log10(p.X))
	}
	x := func(v float64) float64 {
		return margin + (math.Log10(v)-lowX)/max(highX-lowX, 0.1)*(width-2*margin)
	}
	y := func(v float64) float64 {
		return height - margin - (math.Log10(max(v, 0.3))-lowY)/(highY-lowY)*(height-2*margin)
	}
	for _, at := range []float64{1, 10, 100} {
		fmt.Fprintf(&b, `<line x1="%g" x2="%g" y1="%.1f" y2="%.1f" stroke="#ddd"/><text x="8" y="%.1f">%g ms</text>`+"\n",
			margin, width-margin, y(at), y(at), y(at)+4, at)
	}
	b.WriteString(`<polyline fill="none" stroke="#36c" stroke-width="2" points="`)
	for _, p := range d.Curve {
		fmt.Fprintf(&b, "%.1f,%.1f ", x(p.X), y(p.Y))
	}
	b.WriteString(`"/>` + "\n")
	for _, p := range d.Curve {
		fmt.Fprintf(&b, `<circle cx="%.1f" cy="%.1f" r="4" fill="#36c"/><text x="%.1f" y="%.1f" text-anchor="middle">%.3g ms</text>`+
			`<text x="%.1f" y="%.1f" text-anchor="middle">%g</text>`+"\n",
			x(p.X), y(p.Y), x(p.X), y(p.Y)-10, p.Y, x(p.X), height-margin+20, p.X)
	}
	b.WriteString("</svg>\n")
	return b.Bytes()
}
