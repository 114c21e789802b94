package transfer

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"cordon/handler/app/setup"
	"cordon/handler/cli/call"
	"cordon/handler/config"
	"cordon/handler/incoming"
	"cordon/handler/ledger/transfer"
	"cordon/handler/terminal"
)

// imported is the JSON of import.
type imported struct {
	Exported  time.Time `json:"exported"`
	Rows      int       `json:"rows"`
	New       int       `json:"new"`
	There     int       `json:"there"` // rows that were there already, and stayed
	Beginning time.Time `json:"beginning"`
	Complete  bool      `json:"complete"`
}

// Import makes the command that puts an exported record into empty tables.
func Import(p call.Program) *cobra.Command {
	o, complete := &call.Operator{Program: p}, false
	c := &cobra.Command{
		Use:   "import FILE --direct",
		Short: "Put an exported record into empty tables",
		Long: "Puts every row of the file into tables that no app has used: those of the\n" +
			"settings, which are made if need be. Stop the app before, and start it\n" +
			"afterwards. The file is checked whole before anything is written, and no row\n" +
			"that is there is overwritten. An import that was interrupted is given again,\n" +
			"and goes on.\n\n" +
			"What was done after the file was made is not in it. So nothing is acted on that\n" +
			"is older than the import, unless a person says so by cordon held run. With\n" +
			"--complete you say that nothing was done since: the app was stopped before the\n" +
			"export and did not run again. Then it goes on as if nothing had happened." + call.Exits,
		Example: "  cordon import record.jsonl.gz --direct --reason 'the account was deleted'\n" +
			"  cordon import record.jsonl.gz --direct --complete --reason 'moved to another account'",
		Args: call.Exactly(1, "import takes one file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !o.Direct {
				return call.Usagef("import goes with --direct: there is no app whose record it could be")
			}
			if err := o.Check(cmd, true); err != nil {
				return err
			}
			return putIn(cmd, o, args[0], complete)
		},
	}
	o.DirectFlags(c)
	c.Flags().StringVar(&o.Reason, "reason", "", "why, for whoever reads the record")
	c.Flags().StringVar(&o.By, "by", "", "who says so (default: the user of this computer)")
	c.Flags().BoolVar(&complete, "complete", false, "nothing was answered since the file was made")
	o.YesFlag(c)
	return c
}

func putIn(cmd *cobra.Command, o *call.Operator, path string, complete bool) error {
	settings, err := config.LoadFor(o.Getenv, config.Ledger)
	if err != nil {
		return err
	}
	store, err := setup.EmptyLedger(settings)
	if err != nil {
		return err
	}
	open := func() (io.ReadCloser, error) { return incoming.Bytes(path) }
	file, err := open()
	if err != nil {
		return err
	}
	found, err := transfer.Check(file, settings.TenantID)
	_ = file.Close() // it was only read
	if err != nil {
		return fmt.Errorf("%s cannot be imported, nothing was written: %w", terminal.Plain(path, 200), err)
	}
	question := fmt.Sprintf("Put %d rows, exported %s by version %s, into the tables that begin with %q?",
		found.Rows,
		found.At.Format(time.RFC3339),
		terminal.Plain(found.Version, 40),
		settings.TablePrefix)
	if err := o.Confirm(cmd, question); err != nil {
		return err
	}
	ledger := transfer.Ledger{Tables: store.Tables, Switches: store.Switches}
	done, err := ledger.Import(cmd.Context(), open, transfer.Import{
		Who:      o.By + ": " + o.Reason,
		Complete: complete,
		Now:      time.Now(),
		Progress: told(cmd),
	})
	if err != nil {
		return err
	}
	result := imported{
		Exported:  done.At,
		Rows:      done.Rows,
		New:       done.New,
		There:     done.There,
		Beginning: done.Beginning,
		Complete:  complete,
	}
	return o.Show(cmd, result, func(w io.Writer) error { return result.print(w) })
}

// print says what was done, and what will happen.
func (i imported) print(w io.Writer) error {
	said := fmt.Sprintf("%d rows were put in, %d were there and stay as they are\n", i.New, i.There)
	began := i.Beginning.UTC().Format(time.RFC3339)
	if i.Complete {
		said += "the ledger goes on: it knows what became of alerts since " + began + "\n" +
			"the app answers what is open\n"
	} else {
		said += "alerts from before " + began + " are held for a person: see cordon held list once the app runs\n" +
			"isolations that the file knows are followed; notices that were not sent are sent\n"
	}
	_, err := io.WriteString(w, said+"people have to sign in again; now start the app\n")
	return err
}
