package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"
)

// tab is how many columns a tab takes.
const tab = 4

// file is what is counted of one file.
type file struct {
	path     string
	tests    bool // or help tests
	helps    bool // it is no test and imports package testing, so its folder is there for tests
	lines    int  // all of them
	code     int  // with at least one token
	comments int  // with a comment and no token
	tokens   int
	long     []offender // more than 120 columns, with how many
	funcs    []offender // with how many lines
	exported int
	undoced  []offender
}

// offender is a place and its figure.
type offender struct {
	place  string
	figure int
}

// readFiles reads every Go file below a folder that a person wrote.
func readFiles(folder string) ([]file, error) {
	var all []file
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if skipped(entry.Name()) && path != folder {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		f, generated, err := readFile(path, text)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		if !generated {
			all = append(all, f)
		}
		return nil
	})
	helps := map[string]bool{}
	for _, f := range all {
		helps[filepath.Dir(f.path)] = helps[filepath.Dir(f.path)] || f.helps
	}
	for i := range all {
		all[i].tests = all[i].tests || helps[filepath.Dir(all[i].path)]
	}
	return all, err
}

func skipped(name string) bool {
	return name == "testdata" || name == "node_modules" || name == "vendor" || strings.HasPrefix(name, ".")
}

// readFile counts one file.
func readFile(path string, text []byte) (f file, generated bool, err error) {
	files := token.NewFileSet()
	tree, err := parser.ParseFile(files, path, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return file{}, false, err
	}
	f = file{path: path, tests: strings.HasSuffix(path, "_test.go"), lines: bytes.Count(text, []byte("\n"))}
	f.helps = !f.tests &&
		slices.ContainsFunc(tree.Imports, func(i *ast.ImportSpec) bool { return i.Path.Value == `"testing"` })
	given := rawLines(files, tree)
	for n, line := range strings.Split(string(text), "\n") {
		if width := columns(line); width > wantedColumns && !given[n+1] {
			f.long = append(f.long, offender{fmt.Sprintf("%s:%d", path, n+1), width})
		}
	}
	f.scan(text)
	f.declarations(files, tree)
	return f, ast.IsGenerated(tree), nil
}

// rawLines are the lines of texts in back quotes: patterns, documents of others. They are as wide as they have to be.
func rawLines(files *token.FileSet, tree *ast.File) map[int]bool {
	lines := map[int]bool{}
	ast.Inspect(tree, func(n ast.Node) bool {
		if text, ok := n.(*ast.BasicLit); ok && strings.HasPrefix(text.Value, "`") {
			for i := files.Position(text.Pos()).Line; i <= files.Position(text.End()).Line; i++ {
				lines[i] = true
			}
		}
		return true
	})
	return lines
}

// columns is how wide a line is.
func columns(line string) int {
	line = strings.TrimSuffix(line, "\r")
	return utf8.RuneCountInString(line) + (tab-1)*strings.Count(line, "\t")
}

// scan counts tokens and the lines that they and comments stand on.
func (f *file) scan(text []byte) {
	files := token.NewFileSet()
	at := files.AddFile(f.path, files.Base(), len(text))
	var s scanner.Scanner
	s.Init(at, text, nil, scanner.ScanComments)
	code, comments := map[int]bool{}, map[int]bool{}
	for {
		pos, tok, lit := s.Scan()
		if tok == token.EOF {
			break
		}
		lines := code
		switch {
		case tok == token.COMMENT:
			lines = comments
		case tok == token.SEMICOLON && lit == "\n":
			continue // nobody wrote it
		default:
			f.tokens++
		}
		for n := range strings.Count(lit, "\n") + 1 {
			lines[at.Line(pos)+n] = true
		}
	}
	f.code = len(code)
	for n := range comments {
		if !code[n] {
			f.comments++
		}
	}
}

// declarations measures functions and looks for exported names without a comment.
func (f *file) declarations(files *token.FileSet, tree *ast.File) {
	for _, d := range tree.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			place := fmt.Sprintf("%s: %s", f.path, d.Name.Name)
			f.funcs = append(f.funcs, offender{place, files.Position(d.End()).Line - files.Position(d.Pos()).Line + 1})
			if d.Recv == nil || exportedReceiver(d.Recv) {
				f.export(d.Name, d.Doc)
			}
		case *ast.GenDecl:
			for _, s := range d.Specs {
				if s, ok := s.(*ast.TypeSpec); ok {
					doc := s.Doc
					if doc == nil && len(d.Specs) == 1 {
						doc = d.Doc
					}
					f.export(s.Name, doc)
				}
			}
		}
	}
}

// exportedReceiver reports whether a method's type can be seen from outside.
func exportedReceiver(receiver *ast.FieldList) bool {
	exported := false
	ast.Inspect(receiver.List[0].Type, func(n ast.Node) bool {
		if name, ok := n.(*ast.Ident); ok && !exported {
			exported = name.IsExported()
			return false
		}
		return true
	})
	return exported
}

func (f *file) export(name *ast.Ident, doc *ast.CommentGroup) {
	if !name.IsExported() {
		return
	}
	f.exported++
	if doc == nil {
		f.undoced = append(f.undoced, offender{f.path + ": " + name.Name, 1})
	}
}
