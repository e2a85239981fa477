package text

import (
	"slices"
	"strings"
)

// A kind says what is done with a file.
type kind uint8

const (
	plain kind = iota
	prose      // Markdown
	code
	light // markup, with headings of its own
)

// A language is what files are written in.
type language struct {
	kind kind
	name string // as a block of code has it
}

// texts are the languages that are no code: the name and the ends of files.
const texts = `
plain .txt .text .log .srt .vtt
markdown .md .markdown .mdx .mkd .qmd .rmd
rst .rst .rest
asciidoc .adoc .asciidoc .asc
latex .tex .latex .ltx
org .org
`

// codes are the languages that are code.
const codes = `
ada .adb .ads
asm .asm .s
awk .awk
bash .sh .bash .zsh .ksh
bat .bat .cmd
c .c .h
clojure .clj .cljs .cljc .edn
cmake .cmake
cpp .cpp .cc .cxx .hpp .hh .hxx .ino
csharp .cs .csx
css .css
cuda .cu .cuh
d .d
dart .dart
diff .diff .patch
dockerfile .dockerfile
dot .dot .gv
elixir .ex .exs
elm .elm
erlang .erl .hrl
fortran .f .for .f90 .f95 .f03
fsharp .fs .fsi .fsx
glsl .glsl .vert .frag
go .go
gradle .gradle
graphql .graphql .gql
groovy .groovy
haskell .hs .lhs
hcl .tf .tfvars .hcl
ini .ini .cfg .conf .properties .editorconfig .env
java .java
javascript .js .mjs .cjs .jsx
json .json5 .jsonc
julia .jl
kotlin .kt .kts
less .less
lisp .lisp .lsp .cl .el
lua .lua
make .mk .mak
matlab .m
nim .nim
nix .nix
ocaml .ml .mli
pascal .pas .pp .dpr
perl .pl .pm
php .php
powershell .ps1 .psm1 .psd1
prolog .pro
protobuf .proto
python .py .pyi .pyw
r .r
racket .rkt
ruby .rb .rake .gemspec
rust .rs
sass .sass
scala .scala .sc .sbt
scheme .scm .ss
scss .scss
solidity .sol
sql .sql .ddl
starlark .bzl .star
svelte .svelte
swift .swift
tcl .tcl
thrift .thrift
toml .toml
tsx .tsx
typescript .ts .mts .cts
vb .vb .vbs .bas
verilog .v .sv .svh
vhdl .vhd .vhdl
vim .vim
vue .vue
yaml .yaml .yml
zig .zig
`

// Extensions returns how the names of files end that can be read, in lower case with
// their points: plain text and Markdown first. What ends otherwise is read as plain
// text.
func Extensions() []string {
	var all []string
	for line := range strings.Lines(texts + codes) {
		if fields := strings.Fields(line); len(fields) > 0 {
			all = append(all, fields[1:]...)
		}
	}
	return all
}

// languageOf returns the language of files whose names end so.
func languageOf(extension string) language {
	extension = strings.ToLower(extension)
	for line := range strings.Lines(texts + codes) {
		fields := strings.Fields(line)
		if len(fields) == 0 || !slices.Contains(fields[1:], extension) {
			continue
		}
		switch name := fields[0]; name {
		case "plain":
			return language{}
		case "markdown":
			return language{kind: prose}
		case rst, asciidoc, latex, org:
			return language{light, name}
		default:
			return language{code, name}
		}
	}
	return language{}
}
