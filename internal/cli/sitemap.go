package cli

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"kvasir/internal/app"
)

// The bounds of sitemaps. Their protocol allows 50 MB each, and one index above
// them; some sites have two.
const (
	sitemapBytes  = 50 << 20 // of one, unpacked
	sitemapDepth  = 3        // of sitemaps within sitemaps
	maxSitemaps   = 1000     // below one
	sitemapWithin = time.Minute
	maxElements   = 32      // of XML within each other
	maxLoc        = 4 << 10 // bytes of an address
)

// isAddress reports whether a word is an address of the web.
func isAddress(text string) bool {
	scheme, _, found := strings.Cut(text, "://")
	return found && (strings.EqualFold(scheme, "http") || strings.EqualFold(scheme, "https"))
}

// pageAddress reads an address. What follows a # is a place in the page, and so no
// part of its name.
func pageAddress(text string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimSpace(text))
	if err != nil || !isAddress(text) || u.Host == "" {
		return nil, fmt.Errorf("%s: not an address such as https://example.com/page", oneLine(text))
	}
	u.Fragment, u.RawFragment = "", ""
	u.Host = strings.ToLower(u.Host)
	return u, nil
}

// host returns the host of an address, with its port if that is not the usual one.
func host(u *url.URL) string {
	usual := map[string]string{"http": ":80", "https": ":443"}[u.Scheme]
	return strings.TrimSuffix(strings.ToLower(u.Host), usual)
}

// A crawl reads sitemaps.
type crawl struct {
	http *http.Client
	most int // pages of all sitemaps
	into *scanned
	tell func(format string, args ...any)

	pages int // that were taken
}

// take adds the page at an address, or the pages of the sitemap that is there.
func (w *crawl) take(ctx context.Context, address string) error {
	u, err := pageAddress(address)
	if err != nil {
		return err
	}
	name := strings.ToLower(path.Base(u.Path))
	if strings.HasSuffix(name, ".xml.gz") || strings.HasSuffix(name, ".xml") && strings.Contains(name, "sitemap") {
		return w.sitemap(ctx, address)
	}
	w.into.addPage(u.String(), "", "")
	return nil
}

// A site is a sitemap that was given, with those below it.
type site struct {
	*crawl
	root    *url.URL
	hosts   []string // whose pages it may list
	waiting []nested
	known   map[string]bool // sitemaps
	over    int             // pages that were left out
}

// A nested is a sitemap that is to be read.
type nested struct {
	address *url.URL
	depth   int
}

// sitemap adds the pages of a sitemap and of those that it lists. What cannot be
// read is an outcome.
func (w *crawl) sitemap(ctx context.Context, address string) error {
	root, err := pageAddress(address)
	if err != nil {
		return err
	}
	w.tell("Reading the sitemap %s\n", oneLine(root.String()))
	st := &site{crawl: w, root: root, hosts: []string{host(root)}, known: map[string]bool{root.String(): true}}
	st.waiting = []nested{{root, 1}}
	failed := len(w.into.failed)
	for len(st.waiting) > 0 && (w.pages < w.most || st.over == 0) {
		next := st.waiting[0]
		st.waiting = st.waiting[1:]
		err := st.read(ctx, next)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			w.into.fail(next.address.String(), fmt.Errorf("the sitemap cannot be read: %w", err))
		}
	}
	w.into.skipped.OverLimit += st.over
	if st.over > 0 {
		w.tell("%s\n", st.leftOut())
	}
	if st.over == 0 && len(w.into.failed) == failed {
		w.into.sitemaps[root.String()] = true
	}
	return nil
}

// leftOut says what is not added of a site.
func (st *site) leftOut() string {
	text := "Left out " + countedOf(st.over, "page")
	if n := len(st.waiting); n > 0 {
		text += " and " + countedOf(n, "sitemap")
	}
	return fmt.Sprintf("%s of %s: --max-pages is %s", text, oneLine(st.root.Host), grouped(st.most))
}

// read loads one sitemap and takes what it lists.
func (st *site) read(ctx context.Context, at nested) error {
	ctx, cancel := context.WithTimeout(ctx, sitemapWithin)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at.address.String(), nil)
	if err != nil {
		return err
	}
	req.Header.Set("User-Agent", "kvasir/"+app.Version)
	resp, err := st.http.Do(req)
	if failed, ok := errors.AsType[*url.Error](err); ok {
		return errors.New(failed.Err.Error()) // hints about Kvasir's server would mislead
	}
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	final := resp.Request.URL
	switch {
	case at.depth == 1:
		st.hosts = append(st.hosts, host(final)) // a site may send one on from its other name
	case !slices.Contains(st.hosts, host(final)):
		return fmt.Errorf("it is on another site, %s", final.Host)
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("the site answers %s", oneLine(resp.Status))
	}
	for e, err := range listed(resp.Body, sitemapBytes) {
		if err != nil {
			return err
		}
		if err := st.take(at, final, e); err != nil {
			return err
		}
	}
	return nil
}

// take takes what a sitemap lists, if it is of the same site: it speaks for nobody
// else.
func (st *site) take(at nested, base *url.URL, e listing) error {
	u, err := base.Parse(e.loc)
	if err == nil {
		u, err = pageAddress(u.String())
	}
	switch {
	case err != nil || !slices.Contains(st.hosts, host(u)):
		st.into.skipped.Elsewhere++
	case e.sitemap && st.known[u.String()]:
	case e.sitemap && at.depth >= sitemapDepth:
		return fmt.Errorf("it lists sitemaps that lie more than %d deep", sitemapDepth)
	case e.sitemap && len(st.known) > maxSitemaps:
		return fmt.Errorf("the site has more than %s sitemaps", grouped(maxSitemaps))
	case e.sitemap:
		st.known[u.String()] = true
		st.waiting = append(st.waiting, nested{u, at.depth + 1})
	case st.into.seen[pageRef(u.String())]:
	case st.pages >= st.most:
		st.over++
	default:
		st.into.addPage(u.String(), st.root.String(), e.lastmod)
		st.pages++
	}
	return nil
}

// A listing is a page of a sitemap, or a sitemap of an index.
type listing struct {
	sitemap bool
	loc     string
	lastmod string
}

// listed yields what a sitemap lists, packed or not, of at most so many bytes. An
// error ends it.
func listed(body io.Reader, most int64) iter.Seq2[listing, error] {
	return func(yield func(listing, error) bool) {
		in := bufio.NewReader(body)
		if magic, err := in.Peek(2); err == nil && string(magic) == "\x1f\x8b" {
			unpacked, err := gzip.NewReader(in)
			if err != nil {
				yield(listing{}, fmt.Errorf("unpack it: %w", err))
				return
			}
			in = bufio.NewReader(unpacked)
		}
		limited := &io.LimitedReader{R: in, N: most + 1}
		r := &listReader{decoder: xml.NewDecoder(limited)}
		// Addresses are ASCII whatever the charset; entities of its own a sitemap has not.
		r.decoder.CharsetReader = func(_ string, input io.Reader) (io.Reader, error) { return input, nil }
		for {
			e, err := r.next()
			switch {
			case err != nil && limited.N <= 0:
				err = fmt.Errorf("it is larger than %s", byteSize(most))
			case err == io.EOF:
				return
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}

// A listReader reads a sitemap's XML.
type listReader struct {
	decoder *xml.Decoder
	open    []string // the names of the elements around this place
	entry   listing
}

// next returns the next entry, io.EOF after the last.
func (r *listReader) next() (listing, error) {
	for {
		token, err := r.decoder.Token()
		if err != nil {
			return listing{}, r.ended(err)
		}
		switch t := token.(type) {
		case xml.StartElement:
			if err := r.enter(t.Name.Local); err != nil {
				return listing{}, err
			}
		case xml.CharData:
			if err := r.text(string(t)); err != nil {
				return listing{}, err
			}
		case xml.EndElement:
			r.open = r.open[:len(r.open)-1]
			if len(r.open) == 1 && strings.TrimSpace(r.entry.loc) != "" {
				e := r.entry
				e.loc, e.lastmod = strings.TrimSpace(e.loc), strings.TrimSpace(e.lastmod)
				return e, nil
			}
		}
	}
}

// ended says why there is no more.
func (r *listReader) ended(err error) error {
	switch {
	case err == io.EOF && r.open == nil:
		return errors.New("it is empty")
	case err == io.EOF:
		return io.EOF
	}
	return fmt.Errorf("it is broken, or no XML: %w", err)
}

// enter begins an element.
func (r *listReader) enter(name string) error {
	if len(r.open) == 0 && name != "urlset" && name != "sitemapindex" {
		return fmt.Errorf("it is no sitemap: it begins with <%s>", oneLine(name))
	}
	if len(r.open) == maxElements {
		return errors.New("its elements are nested too deep")
	}
	r.open = append(r.open, name)
	if len(r.open) == 2 {
		r.entry = listing{sitemap: r.open[0] == "sitemapindex"}
	}
	return nil
}

// text takes a piece of text at its place.
func (r *listReader) text(piece string) error {
	if len(r.open) != 3 {
		return nil
	}
	switch r.open[2] {
	case "loc":
		r.entry.loc += piece
	case "lastmod":
		r.entry.lastmod += piece
	}
	if len(r.entry.loc) > maxLoc || len(r.entry.lastmod) > maxLoc {
		return errors.New("an address in it is too long")
	}
	return nil
}
