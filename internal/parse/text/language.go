package text

import (
	"slices"
	"strings"
)

// A kind says what is done with a file.
type kind uint8

const (
	plain kind = iota
	markdown
	code
	light // markup, with headings of its own
)

// A language is what files are written in.
type language struct {
	kind       kind
	name       string // as a block of code has it
	extensions string // apart by spaces
}

// languages returns all that can be read. What else is text is plain.
func languages() []language {
	return []language{
		{plain, "", ".txt .text .log .srt .vtt"},
		{markdown, "", ".md .markdown .mdx .mkd .qmd .rmd"},
		{light, rst, ".rst .rest"},
		{light, asciidoc, ".adoc .asciidoc .asc"},
		{light, latex, ".tex .latex .ltx"},
		{light, org, ".org"},
		{code, "ada", ".adb .ads"},
		{code, "asm", ".asm .s"},
		{code, "awk", ".awk"},
		{code, "bash", ".sh .bash .zsh .ksh"},
		{code, "bat", ".bat .cmd"},
		{code, "c", ".c .h"},
		{code, "clojure", ".clj .cljs .cljc .edn"},
		{code, "cmake", ".cmake"},
		{code, "cpp", ".cpp .cc .cxx .hpp .hh .hxx .ino"},
		{code, "csharp", ".cs .csx"},
		{code, "css", ".css"},
		{code, "cuda", ".cu .cuh"},
		{code, "d", ".d"},
		{code, "dart", ".dart"},
		{code, "diff", ".diff .patch"},
		{code, "dockerfile", ".dockerfile"},
		{code, "dot", ".dot .gv"},
		{code, "elixir", ".ex .exs"},
		{code, "elm", ".elm"},
		{code, "erlang", ".erl .hrl"},
		{code, "fortran", ".f .for .f90 .f95 .f03"},
		{code, "fsharp", ".fs .fsi .fsx"},
		{code, "glsl", ".glsl .vert .frag"},
		{code, "go", ".go"},
		{code, "gradle", ".gradle"},
		{code, "graphql", ".graphql .gql"},
		{code, "groovy", ".groovy"},
		{code, "haskell", ".hs .lhs"},
		{code, "hcl", ".tf .tfvars .hcl"},
		{code, "ini", ".ini .cfg .conf .properties .editorconfig .env"},
		{code, "java", ".java"},
		{code, "javascript", ".js .mjs .cjs .jsx"},
		{code, "json", ".json5 .jsonc"},
		{code, "julia", ".jl"},
		{code, "kotlin", ".kt .kts"},
		{code, "less", ".less"},
		{code, "lisp", ".lisp .lsp .cl .el"},
		{code, "lua", ".lua"},
		{code, "make", ".mk .mak"},
		{code, "matlab", ".m"},
		{code, "nim", ".nim"},
		{code, "nix", ".nix"},
		{code, "ocaml", ".ml .mli"},
		{code, "pascal", ".pas .pp .dpr"},
		{code, "perl", ".pl .pm"},
		{code, "php", ".php"},
		{code, "powershell", ".ps1 .psm1 .psd1"},
		{code, "prolog", ".pro"},
		{code, "protobuf", ".proto"},
		{code, "python", ".py .pyi .pyw"},
		{code, "r", ".r"},
		{code, "racket", ".rkt"},
		{code, "ruby", ".rb .rake .gemspec"},
		{code, "rust", ".rs"},
		{code, "sass", ".sass"},
		{code, "scala", ".scala .sc .sbt"},
		{code, "scheme", ".scm .ss"},
		{code, "scss", ".scss"},
		{code, "solidity", ".sol"},
		{code, "sql", ".sql .ddl"},
		{code, "starlark", ".bzl .star"},
		{code, "svelte", ".svelte"},
		{code, "swift", ".swift"},
		{code, "tcl", ".tcl"},
		{code, "thrift", ".thrift"},
		{code, "toml", ".toml"},
		{code, "tsx", ".tsx"},
		{code, "typescript", ".ts .mts .cts"},
		{code, "vb", ".vb .vbs .bas"},
		{code, "verilog", ".v .sv .svh"},
		{code, "vhdl", ".vhd .vhdl"},
		{code, "vim", ".vim"},
		{code, "vue", ".vue"},
		{code, "yaml", ".yaml .yml"},
		{code, "zig", ".zig"},
	}
}

// Extensions returns how the names of files end that can be read, in lower case with
// their points: plain text and Markdown first.
func Extensions() []string {
	var all []string
	for _, l := range languages() {
		all = append(all, strings.Fields(l.extensions)...)
	}
	return all
}

// languageOf returns the language of files whose names end so.
func languageOf(extension string) language {
	for _, l := range languages() {
		if slices.Contains(strings.Fields(l.extensions), strings.ToLower(extension)) {
			return l
		}
	}
	return language{}
}
