package feeds

import (
	"context"

	"cordon/handler/archive"
	"cordon/handler/backtest"
	"cordon/handler/ledger"
	"cordon/handler/ledger/decisions"
	"cordon/handler/ledger/rows"
	"cordon/handler/playbook/read"
)

// judgeRecord tries the playbook that decided on what is kept of its decisions: it has to decide the same.
func (w *world) judgeRecord() {
	book, err := read.Load("test.yaml", []byte(isolateHigh))
	if err != nil {
		w.broken("I7", "%v", err)
		return
	}
	store, err := ledger.Open(rows.Options{
		ConnectionString: w.tables.ConnectionString("127.0.0.1:1"),
		Prefix:           "t",
		Tenant:           tenant,
		Transport:        w.tables,
	})
	if err != nil {
		w.broken("I7", "%v", err)
		return
	}
	kept := archive.Archive{Decisions: store.Decisions}
	trial := backtest.New(backtest.Options{Book: book})
	for q := (decisions.Query{Limit: archive.MostOnPage}); ; {
		page, next, err := kept.Page(context.Background(), q)
		if err != nil {
			w.broken("I7", "the record cannot be read: %v", err)
			return
		}
		for _, d := range page {
			trial.Add(d)
		}
		if q.After = next; next == "" {
			break
		}
	}
	r := trial.Report()
	if r.Same != r.Runs || r.Playbook != book.Hash() {
		w.broken("I7", "of %d decisions %d are the same when they are made again: %+v, %+v", r.Runs, r.Same, r.Changes,
			r.Unknown)
	}
	if r.Same > 0 {
		w.cover("decided again")
	}
}
