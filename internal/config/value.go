package config

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net"
	"strconv"
	"strings"
)

// A Secret is a text that does not show: it prints as stars in every format, in
// JSON and in logs. Only [Secret.Reveal] gives it away.
type Secret string

// Reveal returns the secret in clear.
func (s Secret) Reveal() string { return string(s) }

// String returns stars, or nothing for an empty secret.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return "****"
}

// Format prints stars whatever the verb; without it %d would tell.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// MarshalJSON writes stars.
func (s Secret) MarshalJSON() ([]byte, error) { return json.Marshal(s.String()) }

// LogValue logs stars.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// A Switch is a yes, a no, or not set.
type Switch int8

// The positions of a switch.
const (
	Unset Switch = iota
	Off
	On
)

// UnmarshalText reads Skald's spellings of yes and no, whatever their case.
func (s *Switch) UnmarshalText(text []byte) error {
	switch strings.ToLower(string(text)) {
	case "true", "1", "yes", "y", "t":
		*s = On
	case "false", "0", "no", "n", "f":
		*s = Off
	default:
		return fmt.Errorf("%q is neither true nor false", text)
	}
	return nil
}

// parseAddress reads HOST:PORT, or a bare port of this machine.
func parseAddress(text string) (string, error) {
	if _, err := strconv.Atoi(text); err == nil {
		text = net.JoinHostPort("127.0.0.1", text)
	}
	_, port, err := net.SplitHostPort(text)
	if err != nil {
		return "", fmt.Errorf("%q is not HOST:PORT", text)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return "", fmt.Errorf("%q is not a port from 0 to 65535", port)
	}
	return text, nil
}

// units are the sizes that a number of bytes may be written in.
var units = []struct {
	suffix string
	bytes  float64
}{
	{"kib", 1 << 10}, {"mib", 1 << 20}, {"gib", 1 << 30},
	{"kb", 1e3}, {"mb", 1e6}, {"gb", 1e9},
	{"b", 1}, {"", 1},
}

// parseBytes reads a size such as 1048576, 1MiB or 1.5 GB.
func parseBytes(text string) (int64, error) {
	lower := strings.ToLower(strings.TrimSpace(text))
	for _, u := range units {
		number, ok := strings.CutSuffix(lower, u.suffix)
		if !ok {
			continue
		}
		n, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		if err != nil || math.IsNaN(n) || n < 0 || n*u.bytes > maxBytes {
			break
		}
		return int64(n * u.bytes), nil
	}
	return 0, fmt.Errorf("%q is not a size such as 16MiB", text)
}
