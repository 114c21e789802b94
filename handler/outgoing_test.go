package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// encodesItself are the files that may write JSON without package outgoing, and why.
var encodesItself = map[string]string{
	"outgoing/outgoing.go": "it is the one way",
	"alert/digest.go":      "digests of what was seen by earlier versions have to stay as they are",
	"mail/config.go":       "an encoder asks it for its text",
	"logging/tame.go":      "a line that cannot be encoded says so instead of getting lost",
}

// TestJSONIsWrittenInOneWay holds that no document leaves by an encoder for which a field may have no form.
func TestJSONIsWrittenInOneWay(t *testing.T) {
	t.Parallel()
	calls := map[string]int{}
	err := fs.WalkDir(os.DirFS("."), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), filepath.FromSlash(path), nil, 0)
		if err != nil {
			return err
		}
		for _, call := range encoderCalls(file) {
			if calls[path]++; encodesItself[path] == "" {
				t.Errorf("%s writes JSON by %s: outgoing.Encode does, in a form for every field", path, call)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for path := range encodesItself {
		if calls[path] == 0 {
			t.Errorf("%s writes no JSON any more: take it off the list", path)
		}
	}
}

// encoderCalls are the uses of an encoder of one of the JSON packages.
func encoderCalls(file *ast.File) (found []string) {
	packages := map[string]bool{}
	for _, i := range file.Imports {
		path, _ := strconv.Unquote(i.Path.Value)
		if !strings.Contains(path, "json") {
			continue
		}
		name := path[strings.LastIndexByte(path, '/')+1:]
		if i.Name != nil {
			name = i.Name.Name
		}
		packages[name] = true
	}
	ast.Inspect(file, func(n ast.Node) bool {
		s, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		of, ok := s.X.(*ast.Ident)
		encodes := slices.Contains([]string{"Marshal", "MarshalIndent", "MarshalWrite", "MarshalEncode", "NewEncoder"},
			s.Sel.Name)
		if ok && packages[of.Name] && encodes {
			found = append(found, of.Name+"."+s.Sel.Name)
		}
		return true
	})
	return found
}
