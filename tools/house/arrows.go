package main

import (
	"cmp"
	"errors"
	"fmt"
	"go/ast"
	"go/types"
	"maps"
	"path/filepath"
	"slices"

	"golang.org/x/tools/go/packages"
)

// arrow says that a function of one file calls a function or method of another file of its package.
type arrow struct{ from, to string }

// folder is one package's arrows, and those of them that go up.
type folder struct {
	name   string
	arrows int
	upward []arrow
}

// readArrows reads what calls what below a folder.
func readArrows(root string) ([]folder, error) {
	config := &packages.Config{
		Mode: packages.NeedName | packages.NeedFiles | packages.NeedSyntax | packages.NeedTypes |
			packages.NeedTypesInfo | packages.NeedImports | packages.NeedDeps,
		Dir: root,
	}
	loaded, err := packages.Load(config, "./...")
	if err != nil {
		return nil, err
	}
	var all []folder
	for _, p := range loaded {
		if len(p.Errors) > 0 {
			return nil, fmt.Errorf("%s does not build: %w", p.PkgPath, errors.Join(asErrors(p.Errors)...))
		}
		calls := callsOf(p)
		all = append(all, folder{name: p.PkgPath, arrows: len(calls), upward: upward(calls)})
	}
	return all, nil
}

func asErrors(list []packages.Error) []error {
	all := make([]error, 0, len(list))
	for _, one := range list {
		all = append(all, one)
	}
	return all
}

// callsOf counts the uses of functions between files.
func callsOf(p *packages.Package) map[arrow]int {
	calls := map[arrow]int{}
	for _, tree := range p.Syntax {
		from := filepath.Base(p.Fset.Position(tree.Pos()).Filename)
		ast.Inspect(tree, func(n ast.Node) bool {
			name, ok := n.(*ast.Ident)
			if !ok {
				return true
			}
			callee, ok := p.TypesInfo.Uses[name].(*types.Func)
			if !ok || callee.Pkg() != p.Types || ofInterface(callee) {
				return true
			}
			if to := filepath.Base(p.Fset.Position(callee.Pos()).Filename); to != from {
				calls[arrow{from, to}]++
			}
			return true
		})
	}
	return calls
}

// ofInterface reports whether a method is only declared: what it calls is wherever it is implemented.
func ofInterface(f *types.Func) bool {
	recv := f.Signature().Recv()
	return recv != nil && types.IsInterface(recv.Type())
}

// upward lists the arrows that go up in the best order of the files that a greedy search finds: callers above what they
// call.
func upward(calls map[arrow]int) []arrow {
	rank := map[string]int{}
	for i, name := range order(calls) {
		rank[name] = i
	}
	var up []arrow
	for a := range calls {
		if rank[a.from] > rank[a.to] {
			up = append(up, a)
		}
	}
	slices.SortFunc(up, func(a, b arrow) int { return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to)) })
	return up
}

// order puts files that nobody calls first and files that call nobody last, again and again; where all are in a circle,
// the file goes first that calls the most and is called the least (Eades, Lin and Smyth 1993).
func order(calls map[arrow]int) []string {
	left := map[string]bool{}
	for a := range calls {
		left[a.from], left[a.to] = true, true
	}
	var first, last []string
	for len(left) > 0 {
		names := slices.Sorted(maps.Keys(left))
		out, in := map[string]int{}, map[string]int{}
		for a := range calls {
			if left[a.from] && left[a.to] {
				out[a.from]++
				in[a.to]++
			}
		}
		best, isLast := names[0], false
		for _, n := range names {
			if out[n] == 0 || in[n] == 0 {
				best, isLast = n, out[n] == 0
				break
			}
			if out[n]-in[n] > out[best]-in[best] {
				best = n
			}
		}
		if isLast {
			last = append(last, best)
		} else {
			first = append(first, best)
		}
		delete(left, best)
	}
	slices.Reverse(last)
	return append(first, last...)
}
