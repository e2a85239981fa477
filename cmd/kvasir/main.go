// Kvasir is a RAG backend in one binary: memos in, cited answers out. See
// kvasir --help, and the README.
package main

import (
	"os"

	"kvasir/internal/cli"
)

func main() { os.Exit(cli.Run()) }
