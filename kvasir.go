// Package kvasir holds the product's own documentation, which kvasir up loads
// as a sample to ask questions about. The program is cmd/kvasir, its rooms are
// under internal, and doc/architecture.md shows how they hang together.
package kvasir

import "embed"

// Docs are the README and the pages of doc.
//
//go:embed README.md doc/*.md doc/decisions/*.md
var Docs embed.FS
