package respond

import (
	"context"
	"errors"
	"fmt"

	"cordon/handler/alert"
	"cordon/handler/answer"
	"cordon/handler/ledger/findings"
	"cordon/handler/playbook"
)

// A finding of a hunt is answered as an alert that the ledger, not the API, knows. Everything else is the same: its
// machine is read from the API, and no rail is passed.

// findingsAPI is the API with the findings of the ledger beside its alerts.
type findingsAPI struct {
	API
	findings *findings.Store
}

// Alert reads an alert from the API, or a finding from the ledger.
func (f findingsAPI) Alert(ctx context.Context, id string) (alert.Alert, error) {
	return f.findings.AlertOrFinding(ctx, id, f.API.Alert)
}

// authentic refuses a message that says it is about a finding, and whose finding the ledger does not have: only
// RunHunts writes those, before it sends. Such a message never becomes right by waiting. Trouble with the ledger
// refuses nothing.
func (r *Responder) authentic(ctx context.Context, m alert.Message) error {
	if !alert.IsFinding(m.AlertID) {
		if m.Reason == "hunt" {
			err := fmt.Errorf("the message says that a hunt found %q, which is no id of a finding", m.AlertID)
			return &alert.UndecodableError{Err: err}
		}
		return nil
	}
	if err := r.Runs.Prepare(ctx); err != nil {
		return nil // the run meets the same trouble and is scheduled to go on
	}
	_, exists, err := r.Findings.Of(ctx, m.AlertID)
	if err == nil && !exists {
		missing := &findings.MissingError{ID: m.AlertID}
		return &alert.UndecodableError{
			Err: fmt.Errorf("a hunt message without its finding in the ledger is refused: %w", missing),
		}
	}
	return nil
}

// errFoundAgain says that the row was found again since the alert was made of it: another version answers it.
var errFoundAgain = errors.New("the row was found again meanwhile")

// hunted puts the hunt whose finding is answered into the input; an alert has none.
func (r *Responder) hunted(ctx context.Context, run *answer.Run, in *playbook.Input) error {
	if !alert.IsFinding(run.Alert.ID) {
		return nil
	}
	f, exists, err := r.Findings.Of(ctx, run.Alert.ID)
	if err == nil && !exists {
		err = &findings.MissingError{ID: run.Alert.ID}
	}
	if err != nil {
		return err
	}
	if !f.FoundAt.Equal(run.Alert.Created) {
		return errFoundAgain
	}
	row, err := f.Row()
	if err != nil {
		return err
	}
	in.Hunt = &playbook.Hunt{Name: f.Hunt, Severity: f.Severity, Row: row}
	in.Since = f.Since
	return nil
}
