package fetch

import (
	"compress/flate"
	"compress/gzip"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"kvasir/internal/fault"
)

// errSlow is why a transfer was cut short.
var errSlow = errors.New("it takes too long")

// A later is the cause of an Unavailable fault of a server that has said when to
// come again.
type later struct {
	status string
	after  time.Duration
}

// Error says what the server has answered.
func (e *later) Error() string {
	return fmt.Sprintf("HTTP status %s, to be tried again after %v", e.status, e.after)
}

// RetryAfter returns how long to wait, 0 if the server did not say.
func (e *later) RetryAfter() time.Duration { return e.after }

// refusal is the fault for an answer that is no page.
func refusal(host string, r *http.Response) error {
	status := strings.TrimSpace(strconv.Itoa(r.StatusCode) + " " + http.StatusText(r.StatusCode))
	words := host + " answered " + status
	switch r.StatusCode {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
	default:
		if r.StatusCode < 500 {
			return invalid("url: " + words)
		}
	}
	return fault.Wrap(fault.Unavailable, words, &later{status, retryAfter(r.Header, time.Now())})
}

// maxRetryAfter bounds what a server may ask for.
const maxRetryAfter = 24 * time.Hour

// retryAfter reads when a server wants to be asked again: seconds, or a date.
func retryAfter(h http.Header, now time.Time) time.Duration {
	text := strings.TrimSpace(h.Get("Retry-After"))
	if seconds, err := strconv.ParseInt(text, 10, 32); err == nil {
		return min(max(time.Duration(seconds)*time.Second, 0), maxRetryAfter)
	}
	if at, err := http.ParseTime(text); err == nil {
		return min(max(at.Sub(now), 0), maxRetryAfter)
	}
	return 0
}

// explain turns the error of an exchange into a fault. The end of the caller's own
// context stays what it is.
func (t *transfer) explain(err error) error {
	if over := t.over(); over != nil {
		return over
	}
	if errors.Is(t.cause(), errSlow) {
		err = errSlow
	}
	return explain(t.host, err)
}

// explain sorts the error of an exchange with a host.
func explain(host string, err error) error {
	if f, ok := errors.AsType[*fault.Fault](err); ok {
		return f
	}
	if outer, ok := errors.AsType[*url.Error](err); ok {
		err = outer.Err // it tells the address, which may hold what only its owner knows
	}
	var timeout net.Error
	dns, isDNS := errors.AsType[*net.DNSError](err)
	switch {
	case errors.Is(err, errRefused):
		return fault.Wrap(fault.Invalid, notPublicWords(host), err)
	case isDNS && dns.IsNotFound:
		return fault.Wrap(fault.Invalid, "url: There is no host "+host, err)
	case isDNS:
		return fault.Wrap(fault.Unavailable, "The name "+host+" cannot be looked up", err)
	case errors.Is(err, errSlow), errors.As(err, &timeout) && timeout.Timeout():
		return fault.Wrap(fault.Unavailable, host+" takes too long to answer", err)
	case distrusted(err):
		return fault.Wrap(fault.Invalid, "url: "+host+" has no valid certificate", err)
	case errors.Is(err, http.ErrSchemeMismatch):
		return fault.Wrap(fault.Invalid, "url: "+host+" does not speak https there", err)
	case corrupt(err):
		return fault.Wrap(fault.Invalid, "url: What "+host+" sends cannot be unpacked", err)
	}
	return fault.Wrap(fault.Unavailable, host+" cannot be reached, or broke off", err)
}

// distrusted reports whether TLS has failed for good.
func distrusted(err error) bool {
	_, verify := errors.AsType[*tls.CertificateVerificationError](err)
	_, name := errors.AsType[x509.HostnameError](err)
	_, record := errors.AsType[tls.RecordHeaderError](err)
	_, alert := errors.AsType[tls.AlertError](err)
	return verify || name || record || alert
}

// corrupt reports whether a body is not what its encoding says.
func corrupt(err error) bool {
	_, flawed := errors.AsType[flate.CorruptInputError](err)
	return flawed || errors.Is(err, gzip.ErrHeader) || errors.Is(err, gzip.ErrChecksum)
}
