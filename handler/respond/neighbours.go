package respond

import (
	"context"

	"cordon/handler/ledger/neighbours"
	"cordon/handler/playbook"
)

// CountNeighbours counts the alert's neighbours in the ledger, as far as a rule of the playbook asks for them. An
// error is trouble of the ledger.
func CountNeighbours(ctx context.Context, store *neighbours.Store, book *playbook.Book, in *playbook.Input) error {
	needs := book.Needs()
	if needs.AlertsOnMachine && in.Alert.MachineID != "" {
		n, err := store.OnMachine(ctx, in.Alert.MachineID, in.Alert.ID, in.Now.Add(-playbook.AlertsWindow))
		if err != nil {
			return err
		}
		in.AlertsOnMachine = &n
	}
	if needs.AlertsInIncident && in.Alert.IncidentID != 0 {
		n, err := store.InIncident(ctx, in.Alert.IncidentID, in.Alert.ID)
		if err != nil {
			return err
		}
		in.AlertsInIncident = &n
	}
	return nil
}
