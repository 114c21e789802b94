package wire

import "time"

// MachineNames are machines by how their name or id begins.
type MachineNames struct {
	Machines []MachineName `json:"machines"`      // by name, of one name the one that was seen last first; at most 50
	More     bool          `json:"more,omitzero"` // there are others
}

// MachineName is a machine under a name that it had. It may be there under others.
type MachineName struct {
	ID   string    `json:"id"`
	Name string    `json:"name,omitempty"` // empty: no alert said one
	Seen time.Time `json:"seen"`           // when an alert on it was observed, or its run ended
}
