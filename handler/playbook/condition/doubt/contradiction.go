// Package doubt finds what is probably not meant in a condition that has no mistakes: parts that are never both true, values
// that a fact is not known to have, times that an alert may not have.
package doubt

import (
	"fmt"
	"slices"

	"github.com/expr-lang/expr/ast"

	"cordon/handler/playbook/condition/syntax"
	"cordon/handler/playbook/spelling"
)

// Contradictions finds two parts of one and that are never both true, and two parts of one or of which one always is. It
// compares what is said of the same expression; what needs more thought than that is not found.
func Contradictions(root ast.Node) []syntax.Problem {
	p := &pairing{inner: map[ast.Node]bool{}}
	ast.Walk(&root, p)
	var found []syntax.Problem
	for _, chain := range p.chains {
		if !p.inner[chain] {
			found = append(found, pairsOf(chain)...)
		}
	}
	return found
}

func pairsOf(chain ast.Node) []syntax.Problem {
	join, operands := syntax.Split(chain)
	said := "%s and %s are never both true, so this never matches"
	hint := "write or, or in [...], or take one out"
	if join == syntax.AnyOf {
		said, hint = "%s or %s is always true", "write and, or not in [...], or take one out"
	}
	claims := make([]claim, len(operands))
	for i, node := range operands {
		if claims[i] = claimOf(node); join == syntax.AnyOf {
			claims[i] = claims[i].opposite()
		}
	}
	var found []syntax.Problem
	for i, node := range operands {
		other := slices.IndexFunc(claims[:i], claims[i].excludes)
		if other >= 0 {
			found = append(found, syntax.Wrong(node, fmt.Sprintf(said, spelling.Cut(spelling.Plain(operands[other].String()), 80), spelling.Cut(spelling.Plain(node.String()), 80)),
				hint))
		}
	}
	return found
}

// pairing gathers the chains of and and of or; inner ones are part of a longer chain.
type pairing struct {
	chains []ast.Node
	inner  map[ast.Node]bool
}

// Visit implements ast.Visitor.
func (p *pairing) Visit(node *ast.Node) {
	join := syntax.JoinOf(*node)
	if join == syntax.Single {
		return
	}
	p.chains = append(p.chains, *node)
	b := (*node).(*ast.BinaryNode)
	for _, side := range []ast.Node{b.Left, b.Right} {
		p.inner[side] = p.inner[side] || syntax.JoinOf(side) == join
	}
}
