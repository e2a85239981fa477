package html

import (
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// code writes a block of code with its language. Numbers of lines beside it are left
// out.
func (w *writer) code(n *html.Node) {
	w.glue = false
	w.flush()
	text := strings.Trim(preformatted(n), "\n")
	if strings.TrimSpace(text) == "" || isLineNumbers(text) {
		return
	}
	w.fence(language(n), text)
}

// preformatted returns the text below a node as it is.
func preformatted(n *html.Node) string {
	var b strings.Builder
	for child := range n.Descendants() {
		switch {
		case child.Type == html.TextNode:
			b.WriteString(child.Data)
		case child.DataAtom == atom.Br, beginsLine(child) && b.Len() > 0 && !strings.HasSuffix(b.String(), "\n"):
			b.WriteByte('\n')
		}
	}
	lines := strings.Split(strings.ReplaceAll(b.String(), "\r\n", "\n"), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, " \t\r")
	}
	return strings.Join(lines, "\n")
}

// beginsLine reports whether an element in code stands on lines of its own: a block, or
// another form of the same code.
func beginsLine(n *html.Node) bool {
	return n.DataAtom == atom.Div || n.DataAtom == atom.P ||
		n.DataAtom == atom.Samp && n.PrevSibling != nil && n.PrevSibling.DataAtom == atom.Samp
}

// isLineNumbers reports whether text is two numbers or more that follow each other.
func isLineNumbers(text string) bool {
	fields := strings.Fields(text)
	for i, field := range fields {
		number, err := strconv.Atoi(field)
		if err != nil || i > 0 && fields[i-1] != strconv.Itoa(number-1) {
			return false
		}
	}
	return len(fields) > 1
}

// languages are names that stand alone in the class of a block of code.
var languages = []string{
	"bash", "sh", "shell", "console", "c", "cpp", "csharp", "css", "diff", "dart", "elixir", "erlang", "go", "golang",
	"graphql", "groovy", "haskell", "html", "http", "ini", "java", "javascript", "js", "json", "jsx", "julia", "kotlin",
	"lua", "makefile", "markdown", "matlab", "nginx", "perl", "php", "powershell", "proto", "python", "r", "ruby", "rust",
	"scala", "scss", "sql", "swift", "toml", "ts", "tsx", "typescript", "xml", "yaml", "zig",
}

// language returns the language of a block of code, empty if the page does not say it.
func language(pre *html.Node) string {
	nodes := []*html.Node{pre}
	if samp := first(pre, func(n *html.Node) bool { return n.DataAtom == atom.Samp }); samp != nil {
		nodes = append(nodes, samp)
	}
	own := len(nodes)
	for n, i := pre.Parent, 0; n != nil && i < 2; n, i = n.Parent, i+1 {
		nodes = append(nodes, n)
	}
	for i, n := range nodes {
		for _, key := range []string{"data-lang", "data-language", "lang-name"} {
			if name := languageName(attr(n, key)); name != "" {
				return name
			}
		}
		classes := strings.Fields(attr(n, "class"))
		for j, class := range classes {
			if class == "brush:" && j+1 < len(classes) {
				return languageName(classes[j+1])
			}
			for _, prefix := range []string{"language-", "lang-", "highlight-source-", "highlight-", "brush:", "sourceCode-"} {
				if name, ok := strings.CutPrefix(class, prefix); ok && languageName(name) != "" {
					return languageName(name)
				}
			}
			if i < own && slices.Contains(languages, strings.ToLower(class)) {
				return strings.ToLower(class)
			}
		}
	}
	return ""
}

// languageName returns the name of a language in lower case, empty if it is none.
func languageName(name string) string {
	name = strings.ToLower(strings.TrimRight(name, ";"))
	letters := strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789+#-._")
	if letters != "" || len(name) > 20 || slices.Contains([]string{"none", "default", "notranslate", "text", "plaintext"}, name) {
		return ""
	}
	return name
}
