// Package account holds the words of tenancy: organization, project, API key.
package account

import (
	"crypto/rand"
	"crypto/sha3"
	"encoding/hex"
	"log/slog"
	"regexp"

	"kvasir/internal/fault"
)

// An OrganizationID identifies a tenant.
type OrganizationID string

// A ProjectID identifies a project; all knowledge belongs to one.
type ProjectID string

// A Caller is who an API key speaks for.
type Caller struct {
	Organization OrganizationID
	Project      ProjectID
	Key          string // the API key's prefix, which may be shown
}

// A Key is an API key in clear: "sk_proj_" and 40 hexadecimal digits. It prints
// as stars; only [Key.Reveal] gives it away.
type Key struct{ secret string }

var keyForm = regexp.MustCompile(`^sk_proj_[0-9a-f]{40}$`)

// NewKey returns a fresh random key.
func NewKey() Key {
	var b [20]byte
	rand.Read(b[:]) // never fails since Go 1.24
	return Key{"sk_proj_" + hex.EncodeToString(b[:])}
}

// ParseKey checks the form of s.
func ParseKey(s string) (Key, error) {
	if !keyForm.MatchString(s) {
		return Key{}, fault.New(fault.Invalid, "an API key is sk_proj_ and 40 lower-case hexadecimal digits")
	}
	return Key{s}, nil
}

// IsZero reports whether there is no key.
func (k Key) IsZero() bool { return k.secret == "" }

// Reveal returns the key in clear.
func (k Key) Reveal() string { return k.secret }

// Prefix returns the first 12 characters, which may be shown.
func (k Key) Prefix() string { return k.secret[:min(12, len(k.secret))] }

// Hash returns what is stored of the key.
func (k Key) Hash() string { return HashKey(k.secret) }

// String hides the key.
func (k Key) String() string { return "sk_proj_****" }

// LogValue hides the key.
func (k Key) LogValue() slog.Value { return slog.StringValue(k.String()) }

// HashKey returns the SHA3-256 (FIPS 202) of a presented key in hexadecimal,
// whatever its form: the wire's storage format, so that keys can be imported.
func HashKey(presented string) string {
	sum := sha3.Sum256([]byte(presented))
	return hex.EncodeToString(sum[:])
}
