// Package fetch loads web pages that strangers name, and posts to addresses that
// they name, without becoming their way into the network behind the server.
//
// The guard stands where a connection is made: [Client] looks at the address that
// is really dialled, after names are resolved, for every redirect anew. What a name
// pointed to a moment ago does not matter, so there is nothing to rebind. Only
// addresses of the public internet are dialled, and networks that the operator has
// allowed. Cookies, credentials and a Referer are never sent; everything is bounded
// in size, in time and in slowness.
//
// Errors are faults: Invalid for what will be the same the next time, Unavailable
// for what may pass, TooLarge. They name the host that was asked for, never an
// address that it led to.
package fetch

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"kvasir/internal/fault"
)

// Options bound what is loaded, and from where. The zero value of a field is its
// default.
type Options struct {
	UserAgent string         // what the client calls itself; "Kvasir"
	MaxBytes  int64          // of a page, unpacked; 100 MiB
	Timeout   time.Duration  // for a page, from its name to its last byte; 5 minutes
	Stall     time.Duration  // for a server to answer, and for its body to go on; 30 seconds
	LeastRate int64          // bytes a second that a body must come at; 1 KiB
	Allow     []netip.Prefix // networks that are reached although they are not public
	Proxy     *url.URL       // everything goes through it, and it decides what is reached; nil for none
	Resolver  *net.Resolver  // resolves names; nil for the system's
	RootCAs   *x509.CertPool // vouch for servers; nil for the system's
}

const (
	maxRedirects   = 5
	maxHeaderBytes = 256 << 10
	connectTimeout = 10 * time.Second
	idleTimeout    = 30 * time.Second
	idleConns      = 32
)

// A Client loads pages. It is safe for concurrent use.
type Client struct {
	opts      Options
	transport *http.Transport
	pages     *http.Client // follows redirects
	posts     *http.Client // does not
}

// New returns a client. Nothing of the process's environment configures it.
func New(o Options) *Client {
	o.UserAgent = cmp.Or(o.UserAgent, "Kvasir")
	o.MaxBytes = cmp.Or(o.MaxBytes, 100<<20)
	o.Timeout = cmp.Or(o.Timeout, 5*time.Minute)
	o.Stall = cmp.Or(o.Stall, 30*time.Second)
	o.LeastRate = cmp.Or(o.LeastRate, 1<<10)
	c := &Client{opts: o}
	dialer := &net.Dialer{Timeout: connectTimeout, Resolver: o.Resolver, ControlContext: c.control}
	c.transport = &http.Transport{
		DialContext:            dialer.DialContext,
		TLSClientConfig:        &tls.Config{RootCAs: o.RootCAs, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    connectTimeout,
		ResponseHeaderTimeout:  o.Stall,
		MaxResponseHeaderBytes: maxHeaderBytes,
		MaxIdleConns:           idleConns,
		MaxIdleConnsPerHost:    1,
		IdleConnTimeout:        idleTimeout,
		ForceAttemptHTTP2:      true,
	}
	if o.Proxy != nil {
		c.transport.Proxy = http.ProxyURL(o.Proxy)
	}
	c.pages = &http.Client{Transport: c.transport, CheckRedirect: c.redirect}
	c.posts = &http.Client{Transport: c.transport, CheckRedirect: stay}
	return c
}

// Close lets go of connections that are kept for later. Pages that are open can be
// read to their end.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

// A Page is what an address led to.
type Page struct {
	URL      string // where it was found at last
	Name     string // of a file: "index.html", "paper.pdf"
	MIMEType string // with the charset, if the server tells it; may be empty
	Size     int64  // bytes; -1 if the server does not tell
	// Body is the page, unpacked. Its errors are faults like those of Fetch. The
	// caller closes it.
	Body io.ReadCloser
}

// Fetch loads the page at an address. Its body is still on the way when Fetch
// returns; ctx holds for both. Nobody's robots.txt is asked: one page that a person
// names is a visit, not a crawl.
func (c *Client) Fetch(ctx context.Context, rawURL string) (*Page, error) {
	u, err := c.parse(rawURL)
	if err != nil {
		return nil, err
	}
	t := begin(ctx, u.Hostname(), c.opts.Timeout)
	page, err := c.load(t, u)
	if err != nil {
		err = t.explain(err)
		t.end()
		return nil, err
	}
	return page, nil
}

// load sends the request and reads the head of the answer.
func (c *Client) load(t *transfer, u *url.URL) (*Page, error) {
	request, err := http.NewRequest(http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("User-Agent", c.opts.UserAgent)
	request.Header.Set("Accept", "text/html,application/xhtml+xml,application/pdf;q=0.9,*/*;q=0.8")
	response, err := t.do(c.pages, request)
	if err != nil {
		return nil, err
	}
	if err := c.judge(t.host, response); err != nil {
		discard(response.Body)
		return nil, err
	}
	src, mimeType := sniffed(c.bound(t, response.Body), response.Header)
	return &Page{
		URL:      response.Request.URL.String(),
		Name:     fileName(response.Header, response.Request.URL, mimeType),
		MIMEType: mimeType,
		Size:     response.ContentLength,
		Body:     src,
	}, nil
}

// judge says whether the answer is a page.
func (c *Client) judge(host string, r *http.Response) error {
	switch {
	case r.StatusCode != http.StatusOK && r.StatusCode != http.StatusNonAuthoritativeInfo:
		return refusal(host, r)
	case r.ContentLength > c.opts.MaxBytes:
		return tooLarge(c.opts.MaxBytes)
	case r.Header.Get("Content-Encoding") != "" && r.Header.Get("Content-Encoding") != "identity":
		return fault.New(fault.Invalid, "url: "+host+" packs the page in a way that it was not asked for")
	}
	return nil
}

// redirect is asked before a redirect is followed. From https to http none is: what
// was asked for under a certificate is not taken from whoever is on the way.
func (c *Client) redirect(next *http.Request, via []*http.Request) error {
	first, last := via[0].URL, via[len(via)-1].URL
	if len(via) > maxRedirects {
		return fault.New(fault.Invalid, "url: "+first.Hostname()+" redirects too often")
	}
	if last.Scheme == "https" && next.URL.Scheme == "http" {
		return fault.New(fault.Invalid, "url: "+first.Hostname()+" redirects from https to http")
	}
	if err := c.check(next.URL); err != nil {
		return fault.Wrap(fault.Invalid, "url: "+first.Hostname()+" redirects to an address that is not loaded", err)
	}
	next.Header.Del("Referer")
	return nil
}

// stay follows no redirect: its answer is the answer.
func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
