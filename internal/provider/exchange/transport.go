package exchange

import (
	"cmp"
	"net"
	"net/http"
	"net/url"
	"time"
)

// HTTPOptions are the options of [NewHTTPClient].
type HTTPOptions struct {
	// HeaderTimeout is how long the headers of an answer may take once the request
	// is sent; 0 means two minutes. Local servers load a model in this time, and
	// answers that are not streamed are written in it.
	HeaderTimeout time.Duration
}

// NewHTTPClient returns the client that all providers of a process share, so
// that its connections are shared, too. It sets no limit on a whole exchange,
// because a stream may last; [Endpoint] watches bodies instead.
func NewHTTPClient(o HTTPOptions) *http.Client {
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
	return &http.Client{
		CheckRedirect: sameOrigin,
		Transport: &http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			DialContext:           dialer.DialContext,
			ForceAttemptHTTP2:     true, // a DialContext of one's own turns it off
			TLSHandshakeTimeout:   10 * time.Second,
			ResponseHeaderTimeout: cmp.Or(o.HeaderTimeout, 2*time.Minute),
			MaxIdleConns:          4096,
			MaxIdleConnsPerHost:   2048, // more than the lanes of one server have in flight
			IdleConnTimeout:       90 * time.Second,
			// Without pings a dead HTTP/2 connection swallows requests for minutes.
			HTTP2: &http.HTTP2Config{SendPingTimeout: 15 * time.Second, PingTimeout: 15 * time.Second},
		},
	}
}

// maxRedirects is for servers that add a slash or a version to the path.
const maxRedirects = 3

// sameOrigin follows a redirect only within the host that the key and the texts
// are meant for, and only if it keeps the method. Any other redirect is handed
// back as the answer, and ends as an error that names the other host.
func sameOrigin(req *http.Request, via []*http.Request) error {
	first := via[0]
	if len(via) > maxRedirects || req.Method != first.Method ||
		req.URL.Scheme != first.URL.Scheme || req.URL.Host != first.URL.Host {
		return http.ErrUseLastResponse
	}
	return nil
}

// host returns the host of a redirect's target, which may be any text.
func host(location string) string {
	u, err := url.Parse(location)
	if err != nil || u.Host == "" {
		return "another place"
	}
	return u.Host
}
