package decided

import (
	"fmt"
	"slices"
	"time"

	"cordon/handler/alert"
	"cordon/handler/machine"
	"cordon/handler/playbook"
)

// Facts are a playbook.Input as JSON. What is left out was not known, as there.
type Facts struct {
	Alert          alert.Alert      `json:"alert"`
	Hunt           *Hunt            `json:"hunt,omitempty"`
	Machine        *machine.Machine `json:"machine,omitempty"`
	OwnTags        []string         `json:"ownTags,omitempty"`
	MachineMissing string           `json:"machineMissing,omitempty"`

	Isolation      *State   `json:"isolation,omitempty"`
	OpenActions    []Action `json:"openActions,omitzero"` // nil: not known, which is not none
	ActionsMissing string   `json:"actionsMissing,omitempty"`

	AlertsOnMachine  *int   `json:"alertsOnMachine,omitempty"`
	AlertsInIncident *int   `json:"alertsInIncident,omitempty"`
	AlertsMissing    string `json:"alertsMissing,omitempty"`

	Now         time.Time     `json:"now"`
	Ceiling     playbook.Mode `json:"ceiling,omitempty"`
	StaleAfter  Span          `json:"staleAfter,omitempty"`
	Asked       []string      `json:"asked,omitempty"`
	Beginning   time.Time     `json:"beginning,omitzero"`
	Since       time.Time     `json:"since,omitzero"`
	Paused      bool          `json:"paused,omitempty"`
	PauseReason string        `json:"pauseReason,omitempty"`
}

// Hunt is the hunt whose finding was decided about.
type Hunt struct {
	Name     string            `json:"name"`
	Severity string            `json:"severity,omitempty"`
	Row      map[string]string `json:"row,omitempty"`
}

// State is a machine.State as JSON.
type State struct {
	Is     bool          `json:"is"`
	Since  time.Time     `json:"since,omitzero"`
	Until  time.Time     `json:"until,omitzero"`
	Action Action        `json:"action,omitzero"`
	By     machine.Owner `json:"by,omitempty"`
}

// Action is a machine.Action as JSON, in the words of the API.
type Action struct {
	ID            string               `json:"id,omitempty"`
	Type          machine.ActionType   `json:"type,omitempty"`
	Status        machine.ActionStatus `json:"status,omitempty"`
	Scope         machine.Scope        `json:"scope,omitempty"`
	MachineID     string               `json:"machineId,omitempty"`
	Requestor     string               `json:"requestor,omitempty"`
	RequestSource string               `json:"requestSource,omitempty"`
	Comment       string               `json:"requestorComment,omitempty"`
	Created       time.Time            `json:"creationDateTimeUtc,omitzero"`
	Updated       time.Time            `json:"lastUpdateDateTimeUtc,omitzero"`
	CancelledBy   string               `json:"cancellationRequestor,omitempty"`
	CancelComment string               `json:"cancellationComment,omitempty"`
	ErrorHResult  int64                `json:"errorHResult,omitempty"`
}

// Span is a duration that is written as a text, such as 24h0m0s.
type Span time.Duration

// MarshalText implements encoding.TextMarshaler.
func (s Span) MarshalText() ([]byte, error) {
	return []byte(time.Duration(s).String()), nil
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *Span) UnmarshalText(text []byte) error {
	d, err := time.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf("%.40q is no duration; such as 24h0m0s", text)
	}
	*s = Span(d)
	return nil
}

// FactsOf are the facts of an input. They share nothing with it that may change.
func FactsOf(in playbook.Input) Facts {
	f := Facts{
		Alert:            in.Alert,
		OwnTags:          slices.Clone(in.OwnTags),
		MachineMissing:   in.MachineMissing,
		ActionsMissing:   in.ActionsMissing,
		AlertsOnMachine:  in.AlertsOnMachine,
		AlertsInIncident: in.AlertsInIncident,
		AlertsMissing:    in.AlertsMissing,
		Now:              in.Now,
		Ceiling:          in.Ceiling,
		StaleAfter:       Span(in.StaleAfter),
		Asked:            slices.Clone(in.Asked),
		Beginning:        in.Beginning,
		Since:            in.Since,
		Paused:           in.Paused,
		PauseReason:      in.PauseReason,
	}
	f.Alert.MitreTechniques = slices.Clone(in.Alert.MitreTechniques)
	f.Alert.Evidence = slices.Clone(in.Alert.Evidence)
	if in.Hunt != nil {
		f.Hunt = &Hunt{
			Name:     in.Hunt.Name,
			Severity: in.Hunt.Severity,
			Row:      in.Hunt.Row,
		}
	}
	if in.Machine != nil {
		m := *in.Machine
		m.Tags = slices.Clone(m.Tags)
		f.Machine = &m
	}
	if in.Isolation != nil {
		f.Isolation = &State{
			Is:     in.Isolation.Is,
			Since:  in.Isolation.Since,
			Until:  in.Isolation.Until,
			Action: Action(in.Isolation.Action),
			By:     in.Isolation.By,
		}
	}
	if in.OpenActions != nil {
		f.OpenActions = []Action{}
		for _, a := range in.OpenActions {
			f.OpenActions = append(f.OpenActions, Action(a))
		}
	}
	return f
}

// Input is what the playbook was asked about.
func (f Facts) Input() playbook.Input {
	in := playbook.Input{
		Alert:            f.Alert,
		Machine:          f.Machine,
		OwnTags:          f.OwnTags,
		MachineMissing:   f.MachineMissing,
		ActionsMissing:   f.ActionsMissing,
		AlertsOnMachine:  f.AlertsOnMachine,
		AlertsInIncident: f.AlertsInIncident,
		AlertsMissing:    f.AlertsMissing,
		Now:              f.Now,
		Ceiling:          f.Ceiling,
		StaleAfter:       time.Duration(f.StaleAfter),
		Asked:            f.Asked,
		Beginning:        f.Beginning,
		Since:            f.Since,
		Paused:           f.Paused,
		PauseReason:      f.PauseReason,
	}
	if f.Hunt != nil {
		in.Hunt = &playbook.Hunt{
			Name:     f.Hunt.Name,
			Severity: f.Hunt.Severity,
			Row:      f.Hunt.Row,
		}
	}
	if f.Isolation != nil {
		in.Isolation = &machine.State{
			Is:     f.Isolation.Is,
			Since:  f.Isolation.Since,
			Until:  f.Isolation.Until,
			Action: machine.Action(f.Isolation.Action),
			By:     f.Isolation.By,
		}
	}
	if f.OpenActions != nil {
		in.OpenActions = []machine.Action{}
		for _, a := range f.OpenActions {
			in.OpenActions = append(in.OpenActions, machine.Action(a))
		}
	}
	return in
}
