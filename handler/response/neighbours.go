package response

import (
	"context"

	"cordon/handler/playbook"
)

// neighbours counts the alert's neighbours in the ledger, as far as a rule asks for them. An error is trouble of the ledger,
// and the run comes back.
func (r *Responder) neighbours(ctx context.Context, w *work, in *playbook.Input) error {
	needs := r.Book.Needs()
	if needs.AlertsOnMachine && w.alert.MachineID != "" {
		n, err := r.Ledger.AlertsOnMachine(ctx, w.alert.MachineID, w.alert.ID, in.Now.Add(-playbook.AlertsWindow))
		if err != nil {
			return err
		}
		in.AlertsOnMachine = &n
	}
	if needs.AlertsInIncident && w.alert.IncidentID != 0 {
		n, err := r.Ledger.AlertsInIncident(ctx, w.alert.IncidentID, w.alert.ID)
		if err != nil {
			return err
		}
		in.AlertsInIncident = &n
	}
	return nil
}
