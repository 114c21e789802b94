// Package read reads playbooks: Load checks one completely, so that a mistake is an error with a position when the
// file is read and not a surprise at night.
package read

import (
	"fmt"

	"github.com/goccy/go-yaml/ast"

	"cordon/handler/alert"
	"cordon/handler/incoming"
	"cordon/handler/playbook"
	"cordon/handler/playbook/condition"
	"cordon/handler/playbook/read/source"
)

// maxSource bounds a playbook's text, in bytes: a wrong or hostile file costs no more than a moment.
const maxSource = 256 << 10

// Load reads and checks a playbook; name is the file's, for the messages. An error is always a *source.Error and lists
// everything that was found wrong; no book is returned then.
func Load(name string, src []byte) (*playbook.Book, error) {
	book, _, err := Check(name, src)
	return book, err
}

// Check is Load, and says besides what is probably not meant, in the order of the file, such as rules that can never
// match. The book can be used all the same.
func Check(name string, src []byte) (*playbook.Book, []source.Problem, error) {
	if len(src) > maxSource {
		r := newReader("")
		said := fmt.Sprintf("the playbook is %d bytes long, the limit is %d", len(src), maxSource)
		r.At(1, 1, said, "is this the right file?")
		return nil, nil, r.Err(name)
	}
	src = incoming.Document(src)
	r := newReader(string(src))
	written := r.book()
	if len(r.Problems) > 0 {
		return nil, nil, r.Err(name)
	}
	written.Hash = alert.SHA256(src)
	written.Text = string(src)
	written.Sizes = r.compiler.Sizes()
	r.unlisted(written)
	r.shadows(written.Rules)
	source.Sort(r.Warnings)
	return playbook.New(written), r.Warnings, nil
}

// reader reads one playbook: its text, its conditions so far, and where its rules stand.
type reader struct {
	*source.File
	compiler *condition.Compiler
	whens    []ast.Node // the when of each rule, for warnings
}

func newReader(text string) *reader {
	return &reader{File: source.New(text), compiler: condition.NewCompiler()}
}
