package cli

import (
	"fmt"
	"io"
	"strings"
)

const (
	maxSamples  = 1000      // texts in one request
	sampleBytes = 512 << 10 // of all samples
	windowBytes = 8 << 10   // of one, when not all is sent
)

// A source is a text that would be embedded, or a guess at one.
type source struct {
	bytes int64
	open  func() (io.ReadCloser, error) // nil for a guess
}

// samples returns what stands for all the texts: all of them if they are small,
// else windows at even distances over their bytes, so that a long text counts for
// as much as it is long.
func samples(sources []source) ([]string, error) {
	var known []source
	var bytes int64
	for _, src := range sources {
		if src.open != nil && src.bytes > 0 {
			known = append(known, src)
			bytes += src.bytes
		}
	}
	const count = sampleBytes / windowBytes
	var out []string
	if bytes <= sampleBytes && len(known) <= maxSamples {
		for _, src := range known {
			text, err := src.part(0, src.bytes)
			if err != nil {
				return nil, err
			}
			out = append(out, text)
		}
		return out, nil
	}
	next, passed := int64(0), int64(0) // the next window, and the bytes of the texts before this one
	for _, src := range known {
		for ; next < count; next++ {
			at := bytes*next/count + bytes/count/2 - passed
			if at >= src.bytes {
				break
			}
			text, err := src.part(max(min(at, src.bytes-windowBytes), 0), windowBytes)
			if err != nil {
				return nil, err
			}
			out = append(out, text)
		}
		passed += src.bytes
	}
	return out, nil
}

// part returns at most n bytes of a text from a place on, whole characters only.
func (s source) part(at, n int64) (string, error) {
	body, err := s.open()
	if err != nil {
		return "", err
	}
	defer body.Close()
	if _, err := io.CopyN(io.Discard, body, at); err != nil {
		return "", fmt.Errorf("the file has changed meanwhile: %w", err)
	}
	raw, err := io.ReadAll(io.LimitReader(body, n))
	return strings.ReplaceAll(strings.ToValidUTF8(string(raw), ""), "\x00", ""), err
}
