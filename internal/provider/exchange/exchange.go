// Package exchange makes one HTTP exchange with a model provider: JSON goes out,
// JSON or a stream of server-sent events comes back, and whatever fails becomes
// an [llm.Error] whose class says what may be done about it.
//
// The adapters beside it know what a vendor's request and answer look like; this
// package knows what all of them share. It promises three things. An exchange
// ends: [NewHTTPClient] bounds the wait for headers, [Endpoint] that for each
// further byte and the size of a body, and a cancelled context reaches the socket.
// A key stays here: it leaves in one header only, never for another host, and no
// error text repeats it. And nothing is tried twice: retrying is dispatch's work.
package exchange

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"kvasir/internal/llm"
)

const (
	// maxAnswer bounds an answer in bytes: 256 vectors of 4,096 dimensions,
	// written as decimal numbers, are 20 MB.
	maxAnswer = 64 << 20
	// maxComplaint bounds what is read of an error's body.
	maxComplaint = 64 << 10
	// defaultIdle is longer than any pause of a healthy server between two bytes.
	defaultIdle = 60 * time.Second
)

// Config says where a provider is and how to speak to it.
type Config struct {
	// Provider names it in errors.
	Provider string
	// BaseURL is put before every path. A query in it is put behind every path.
	BaseURL string
	// Query is put behind every path, too: the version of an API.
	Query url.Values
	// Key is sent as a bearer token; empty sends none.
	Key string
	// KeyHeader is the header that carries the key as it is instead.
	KeyHeader string
	// Header is sent with every request: the version of a protocol.
	Header http.Header
	// HTTPClient carries the exchanges; nil means a client on the standard
	// library's transport. Its redirect policy is replaced by [NewHTTPClient]'s.
	HTTPClient *http.Client
	// IdleTimeout is how long the next byte of a body may take; 0 means 60 s.
	IdleTimeout time.Duration
}

// An Endpoint is a provider's API under one base URL, used with one key. It is
// safe for concurrent use.
type Endpoint struct {
	provider string
	base     string // without a query
	query    string
	key      string
	header   http.Header // of every request; holds the key
	secrets  []string    // what no message may hold: the key, and credentials in the base URL
	client   http.Client
	idle     time.Duration
}

// NewEndpoint returns the endpoint that cfg describes.
func NewEndpoint(cfg Config) *Endpoint {
	base, query, _ := strings.Cut(strings.TrimSpace(cfg.BaseURL), "?")
	e := &Endpoint{
		provider: cfg.Provider,
		base:     strings.TrimRight(base, "/"),
		query:    joinQuery(query, cfg.Query.Encode()),
		key:      strings.TrimSpace(cfg.Key),
		header:   http.Header{},
		idle:     cmp.Or(cfg.IdleTimeout, defaultIdle),
	}
	maps.Copy(e.header, cfg.Header)
	switch {
	case e.key == "":
	case cfg.KeyHeader != "":
		e.header.Set(cfg.KeyHeader, e.key)
	default:
		e.header.Set("Authorization", "Bearer "+e.key)
	}
	if cfg.HTTPClient != nil {
		e.client = *cfg.HTTPClient
	}
	e.client.CheckRedirect = sameOrigin
	e.secrets = credentials(e.key, e.base, query)
	return e
}

// secretNames are parts of the names of parameters whose values are secrets.
var secretNames = []string{"key", "token", "secret", "sig", "pass", "auth"}

// credentials returns what must not be told of what is sent: the key, a password in
// the URL, in each form in which it may be repeated, and keys in the query.
func credentials(key, base, query string) (secrets []string) {
	if key != "" {
		secrets = append(secrets, key)
	}
	if u, err := url.Parse(base); err == nil && u.User != nil {
		password, _ := u.User.Password()
		_, escaped, _ := strings.Cut(u.User.String(), ":")
		basic := base64.StdEncoding.EncodeToString([]byte(u.User.Username() + ":" + password))
		secrets = append(secrets, basic, cmp.Or(password, u.User.Username()), cmp.Or(escaped, u.User.String()))
	}
	for pair := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(pair, "=")
		if plain, err := url.QueryUnescape(value); value != "" && containsAny(strings.ToLower(name), secretNames) {
			secrets = append(secrets, value)
			if err == nil {
				secrets = append(secrets, plain)
			}
		}
	}
	return secrets
}

func joinQuery(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "&" + b
}

// url returns the address of path, which may have a query of its own.
func (e *Endpoint) url(path string) string {
	path, query, _ := strings.Cut(path, "?")
	if query = joinQuery(query, e.query); query != "" {
		query = "?" + query
	}
	return e.base + path + query
}

// Identity names a model of this endpoint as [llm.EmbedSpec.Model] wants it:
// provider, base URL and the given parts. Credentials in the URL are left out,
// because identities are stored and shown.
func (e *Endpoint) Identity(parts ...string) string {
	base := e.base
	if u, err := url.Parse(base); err == nil {
		u.User = nil
		base = u.String()
	}
	return strings.Join(append([]string{e.provider, base}, parts...), "|")
}

// Post sends in as JSON to path and decodes the answer.
func Post[Out, In any](ctx context.Context, e *Endpoint, path string, in In) (Out, error) {
	var out Out
	payload, err := json.Marshal(in)
	if err != nil {
		return out, e.Refuse("encode the request: %w", err)
	}
	a, err := e.send(ctx, path, payload, "application/json")
	if err != nil {
		return out, err
	}
	defer a.close()
	data, err := a.readAll()
	if err != nil {
		return out, e.broken(ctx, err)
	}
	if err := decode(data, &out); err != nil {
		return out, e.Garbage(fmt.Errorf("decode the answer: %w", err))
	}
	return out, nil
}

func decode(data []byte, out any) error {
	if embeddings, ok := out.(*Embeddings); ok {
		return embeddings.read(data)
	}
	return json.Unmarshal(data, out)
}

// An answer is a response with status 2xx and a watched body.
type answer struct {
	response *http.Response
	body     *watched
	cancel   context.CancelCauseFunc
}

// send makes the exchange up to the answer's headers. Statuses other than 2xx
// become errors.
func (e *Endpoint) send(ctx context.Context, path string, payload []byte, accept string) (*answer, error) {
	inner, cancel := context.WithCancelCause(ctx)
	a := &answer{cancel: cancel}
	req, err := http.NewRequestWithContext(inner, http.MethodPost, e.url(path), bytes.NewReader(payload))
	if err != nil {
		cancel(nil)
		// The cause would repeat the URL, which may hold credentials.
		return nil, e.Refuse("the base URL is not valid")
	}
	maps.Copy(req.Header, e.header)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", accept)
	if accept == eventStream {
		// Compressing gateways hold events back until a block is full.
		req.Header.Set("Accept-Encoding", "identity")
	}
	a.response, err = e.client.Do(req)
	if err != nil {
		cancel(nil)
		return nil, e.broken(ctx, err)
	}
	llm.ReportQuotas(ctx, Quotas(a.response.Header, time.Now()))
	a.body = watch(a.response.Body, e.idle, cancel)
	if status := a.response.StatusCode; status < 200 || status > 299 {
		defer a.close()
		return nil, discreet(e.complaint(ctx, a), payload)
	}
	return a, nil
}

// close ends the exchange at once if its body has not been read to the end.
func (a *answer) close() {
	a.cancel(nil)
	_ = a.response.Body.Close() // only frees; what was read has been judged
}

// readAll reads the body to its end, so that the connection can be used again.
func (a *answer) readAll() ([]byte, error) {
	var b bytes.Buffer
	if n := a.response.ContentLength; n > 0 && n <= maxAnswer {
		b.Grow(int(n) + bytes.MinRead)
	}
	_, err := b.ReadFrom(a.body)
	return b.Bytes(), err
}

// complaint turns an answer with an error status into an error.
func (e *Endpoint) complaint(ctx context.Context, a *answer) error {
	data, err := io.ReadAll(io.LimitReader(a.body, maxComplaint))
	if ctx.Err() != nil {
		return ctx.Err()
	}
	status := a.response.StatusCode
	r := readReport(data)
	if location, redirected := a.response.Header["Location"]; redirected && status < 400 {
		r.message = "redirects to " + host(location[0]) + ": check the base URL"
	}
	return &llm.Error{
		Class:      r.class(status),
		Provider:   e.provider,
		Status:     status,
		RetryAfter: cmp.Or(RetryAfter(a.response.Header, time.Now()), r.wait),
		Message:    e.clean(r.message),
		Err:        err, // of reading the body; nil nearly always
	}
}

// broken sorts an error of the network. The caller's own cancellation is no
// fault of the provider.
func (e *Endpoint) broken(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err // without the URL: errors name the provider already
	}
	return e.Garbage(err)
}

// Garbage returns the error of an answer that cannot be used: later, or
// elsewhere, there may be a better one.
func (e *Endpoint) Garbage(err error) error {
	return &llm.Error{Class: llm.ClassSick, Provider: e.provider, Err: err}
}

// Refuse returns the error of a request that is not worth sending.
func (e *Endpoint) Refuse(format string, args ...any) error {
	return &llm.Error{Class: llm.ClassBadRequest, Provider: e.provider, Err: fmt.Errorf(format, args...)}
}

// CheckTexts refuses an empty list and empty texts, which providers answer with
// an error for the whole batch.
func (e *Endpoint) CheckTexts(texts []string) error {
	if len(texts) == 0 {
		return e.Refuse("no texts")
	}
	if i := slices.Index(texts, ""); i >= 0 {
		return e.Refuse("text %d is empty", i)
	}
	return nil
}
