#!/usr/bin/env bash
# Installs what the tests need on a bare Debian 12 with Go and npm, then runs
# everything that must pass: formatting, lint, build, and all tests with the
# race detector. CI runs this and nothing else.
set -euo pipefail
cd "$(dirname "$0")"

step() { printf '\n== %s\n' "$*"; }

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

# The race detector needs a C compiler; the product itself does not.
if ! command -v gcc >/dev/null; then
	step "gcc for the race detector"
	as_root apt-get update -qq
	as_root apt-get install -y -qq --no-install-recommends gcc libc6-dev
fi

# Scanned pages and pictures are read with tesseract, for real.
if ! command -v tesseract >/dev/null; then
	step "tesseract for scanned pages"
	as_root apt-get update -qq
	as_root apt-get install -y -qq --no-install-recommends tesseract-ocr tesseract-ocr-eng
fi

# The store and the index are held to their suites on PostgreSQL with pgvector, too; the
# tests start servers of their own.
step "PostgreSQL and pgvector"
./deploy/install-postgres.sh

step "offline model and PDF engine"
go run ./cmd/kvasir model install

step "gofmt"
unformatted=$(gofmt -l .)
if [ -n "$unformatted" ]; then
	echo "not formatted: $unformatted"
	exit 1
fi

step "go vet"
go vet ./...

step "staticcheck"
go tool staticcheck ./...

step "go fix"
fixes=$(go fix -diff ./... 2>&1 || true)
if [ -n "$fixes" ]; then
	echo "$fixes"
	exit 1
fi

step "static build"
CGO_ENABLED=0 go build -o /dev/null ./cmd/kvasir

step "tests"
CGO_ENABLED=1 go test -race -timeout 15m ./...

printf '\nall passed\n'
