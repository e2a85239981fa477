package config

import (
	_ "embed"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/alecthomas/kong"
)

// source is the text of config.go, whose comments are the manual.
//
//go:embed config.go
var source []byte

// document gives each option its field's comment as help.
func document(app *kong.Application) error {
	comments, err := manual(source)
	if err != nil {
		return err
	}
	return kong.Visit(app, func(node kong.Visitable, next kong.Next) error {
		if flag, ok := node.(*kong.Flag); ok && flag.Help == "" {
			flag.Help = comments[flag.Tag.Get("variable")]
		}
		return next(nil)
	})
}

// manual returns the comments of the fields that a variable fills, by the
// variable's tag.
func manual(source []byte) (map[string]string, error) {
	file, err := parser.ParseFile(token.NewFileSet(), "config.go", source, parser.ParseComments)
	if err != nil {
		return nil, fmt.Errorf("read manual: %w", err)
	}
	comments := map[string]string{}
	for node := range ast.Preorder(file) {
		field, ok := node.(*ast.Field)
		if !ok || field.Tag == nil || len(field.Names) != 1 {
			continue
		}
		tag, err := strconv.Unquote(field.Tag.Value)
		if err != nil {
			return nil, fmt.Errorf("read manual: %w", err)
		}
		if variable := reflect.StructTag(tag).Get("variable"); variable != "" {
			comments[variable] = sentence(field.Names[0].Name, field.Doc.Text())
		}
	}
	return comments, nil
}

// sentence turns "Listen is the address." into "The address."
func sentence(name, comment string) string {
	text := strings.Join(strings.Fields(comment), " ")
	text = strings.TrimPrefix(text, name+" ")
	for _, verb := range []string{"is ", "are "} {
		text = strings.TrimPrefix(text, verb)
	}
	first, size := utf8.DecodeRuneInString(text)
	return string(unicode.ToUpper(first)) + text[size:]
}

// explain adds to a flag's help which variables fill it, and its default unless
// that stands beside the flag's name.
func explain(v *kong.Value) string {
	text := v.Help
	if v.Default != "" && v.Tag.PlaceHolder != "" {
		text += " Default: " + v.Default + "."
	}
	if names := variables(v); len(names) > 0 {
		text += " [$" + strings.Join(names, ", $") + "]"
	}
	return strings.TrimSpace(text)
}
