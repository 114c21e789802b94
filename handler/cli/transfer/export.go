// Package transfer has the commands that take the record out of the tables, and put it into others.
package transfer

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"cordon/handler/cli/call"
	"cordon/handler/config"
	"cordon/handler/ledger/transfer"
)

// exported is the JSON of export.
type exported struct {
	File  string `json:"file"`
	Rows  int    `json:"rows"`
	Moved bool   `json:"moved"` // the app went on meanwhile
}

// Export makes the command that writes the record into a file.
func Export(p call.Program) *cobra.Command {
	o, to := &call.Operator{Program: p}, ""
	c := &cobra.Command{
		Use:   "export --direct --to FILE|FOLDER",
		Short: "Write the record into a file, in case the tables get lost",
		Long: "Reads every row of the tenant and writes it into a new file, compressed, one\n" +
			"line a row. Rows that say who is signed in are left out. The file is as good\n" +
			"as the ledger: it has what alerts and people said, and who can change it can\n" +
			"have the app believe anything, so keep it where nobody else comes. Only with\n" +
			"--direct, with the app's settings. Changes nothing." + call.Exits,
		Example: "  cordon export --direct --to /mnt/copies\n" +
			"  cordon export --direct --to record.jsonl.gz",
		Args: call.NoOperand("export"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case !o.Direct:
				return call.Usagef("export goes with --direct: the record is read with the app's own rights")
			case to == "":
				return call.Usagef("export wants --to with a file that does not exist, or a folder")
			}
			return export(cmd, o, to)
		},
	}
	o.DirectFlags(c)
	c.Flags().StringVar(&to, "to", "", "a file that does not exist, or a folder to make one in")
	return c
}

func export(cmd *cobra.Command, o *call.Operator, to string) error {
	settings, store, err := o.Ledger(cmd.Context(), config.Ledger)
	if err != nil {
		return err
	}
	now := time.Now().UTC()
	path, err := fileIn(to, fmt.Sprintf("cordon-%s-%s.jsonl.gz", settings.TenantID, now.Format("20060102T150405Z")))
	if err != nil {
		return err
	}
	var end transfer.End
	err = written(path, func(file io.Writer) (err error) {
		ledger := transfer.Ledger{Tables: store.Tables, Switches: store.Switches}
		end, err = ledger.Export(cmd.Context(), file, transfer.Made(settings.TablePrefix, o.Version, now), told(cmd))
		return err
	})
	if err != nil {
		return err
	}
	return o.Show(cmd, exported{path, end.Rows, end.Moved}, func(w io.Writer) error {
		said := "%d rows are in %s\n"
		if end.Moved {
			said += "the app went on meanwhile, so they are not of one moment: cordon import has what is older held\n"
		}
		return call.Say(w, strings.TrimSuffix(said, "\n"), end.Rows, path)
	})
}

// fileIn is the path of a file that is to be made: to itself, or one of a name in the folder to.
func fileIn(to, name string) (string, error) {
	info, err := os.Stat(to)
	switch {
	case err == nil && info.IsDir():
		return filepath.Join(to, name), nil
	case err == nil:
		return "", fmt.Errorf("%s exists; an export never overwrites a file", to)
	case errors.Is(err, os.ErrNotExist):
		return to, nil
	}
	return "", err
}

// written makes a file that only its owner may read. It has its name once it is whole.
func written(path string, write func(io.Writer) error) error {
	part, err := os.CreateTemp(filepath.Dir(path), ".cordon-export-*")
	if err != nil {
		return err
	}
	err = errors.Join(write(part), part.Sync(), part.Close())
	if err == nil {
		err = os.Link(part.Name(), path) // fails where a file is by now
	}
	return errors.Join(err, os.Remove(part.Name()))
}

// toldEvery is after how many rows progress is told.
const toldEvery = 10_000

// told tells progress to whoever waits.
func told(cmd *cobra.Command) transfer.Progress {
	next := toldEvery
	return func(table string, done int) {
		if done >= next {
			next = done - done%toldEvery + toldEvery
			fmt.Fprintf(cmd.ErrOrStderr(), "%d rows, now in %s\n", done, table)
		}
	}
}
