package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"syscall"

	"kvasir/client"
	"kvasir/internal/app"
	"kvasir/internal/config"
)

// A server says which server a command talks to.
type server struct {
	URL string        `name:"url" variable:"KVASIR_URL" default:"http://127.0.0.1:8080" help:"Address of the server."`
	Key config.Secret `variable:"KVASIR_API_KEY" placeholder:"KEY" help:"API key."`
}

// client returns a client of the server.
func (v *server) client(s *session) *client.Client {
	return client.New(v.URL, v.Key.Reveal(), &client.Options{HTTPClient: s.http, UserAgent: "kvasir/" + app.Version})
}

// printJSON writes data for machines.
func (s *session) printJSON(v any) error {
	enc := json.NewEncoder(s.out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// explain turns an error into what a person can do about it.
func explain(err error) string {
	if refused, ok := errors.AsType[*client.APIError](err); ok && refused.StatusCode == http.StatusUnauthorized {
		return "the server does not know the API key: set KVASIR_API_KEY to the one it printed at its first start"
	}
	if dial, ok := errors.AsType[*net.OpError](err); ok && dial.Op == "dial" {
		return unreachable(err, dial)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return "the server took too long: " + err.Error()
	}
	return err.Error()
}

// unreachable explains why there was no connection.
func unreachable(err error, dial *net.OpError) string {
	address := "that address"
	if request, ok := errors.AsType[*url.Error](err); ok {
		if u, err := url.Parse(request.URL); err == nil {
			address = u.Scheme + "://" + u.Host
		}
	}
	if errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Sprintf("no server at %s: start one with kvasir serve, or set KVASIR_URL", address)
	}
	return fmt.Sprintf("%s cannot be reached (%v): check KVASIR_URL", address, dial.Err)
}
