// Package doubt finds what is probably not meant in a condition that has no mistakes: parts that are never both true,
// values that a fact is not known to have, times that an alert may not have.
package doubt

import (
	"fmt"
	"slices"

	"github.com/expr-lang/expr/ast"

	"cordon/handler/playbook/condition/syntax"
	"cordon/handler/playbook/spelling"
)

// Contradictions finds two parts of one and that are never both true, and two parts of one or of which one always is.
// It compares what is said of the same expression; what needs more thought than that is not found.
func Contradictions(root ast.Node) []syntax.Problem {
	var chains []ast.Node
	inner := map[ast.Node]bool{} // those that are part of a longer chain
	syntax.Each(root, func(node ast.Node) {
		join := syntax.JoinOf(node)
		if join == syntax.Single {
			return
		}
		chains = append(chains, node)
		b := node.(*ast.BinaryNode)
		for _, side := range []ast.Node{b.Left, b.Right} {
			inner[side] = inner[side] || syntax.JoinOf(side) == join
		}
	})
	var found []syntax.Problem
	for _, chain := range chains {
		if !inner[chain] {
			found = append(found, inChain(chain)...)
		}
	}
	return found
}

// inChain is Contradictions of one and, or of one or.
func inChain(chain ast.Node) []syntax.Problem {
	join, operands := syntax.Split(chain)
	said := "%s and %s are never both true, so this never matches"
	hint := "write or, or in [...], or take one out"
	if join == syntax.AnyOf {
		said = "%s or %s is always true"
		hint = "write and, or not in [...], or take one out"
	}
	claims := make([]claim, len(operands))
	for i, node := range operands {
		claims[i] = claimOf(node)
		if join == syntax.AnyOf {
			claims[i] = claims[i].opposite()
		}
	}
	var found []syntax.Problem
	for i, node := range operands {
		other := slices.IndexFunc(claims[:i], claims[i].excludes)
		if other >= 0 {
			found = append(found,
				syntax.At(node, fmt.Sprintf(said, short(operands[other]), short(node)), hint))
		}
	}
	return found
}

func short(n ast.Node) string {
	return spelling.Cut(spelling.Plain(n.String()), 80)
}
