package latches

import (
	"context"
	"fmt"
	"strings"
	"time"

	"cordon/handler/ledger/rows"
	"cordon/handler/machine"
)

// State is where the episode of a latch stands.
type State string

// The states of an episode. The zero value means that the latch never had one.
const (
	Preparing State = "preparing" // begun, nothing sent
	Intended  State = "intended"  // a request is about to be sent, or was sent and its answer is unknown
	Acting    State = "acting"    // the machine action has an id and is followed
	Achieved  State = "achieved"  // the machine action Succeeded; the state lasts until somebody releases it
	// Ended is failed, given up, released, or done if nothing lasts. The next need begins a new episode.
	Ended State = "ended"
)

// Open reports whether the episode still owns the machine's state.
func (s State) Open() bool {
	switch s {
	case Preparing, Intended, Acting, Achieved:
		return true
	}
	return false
}

// Latch is the one row that owns a lasting state of a machine, such as its isolation, or what else is to be done to it
// once at a time, such as a scan. Whoever wants to change that takes the latch for a short time under a token of its
// own, and only the holder writes intent or action id.
type Latch struct {
	rows.Keys
	MachineID   string
	MachineName string // for people; never used to choose a machine
	Kind        string // machine.Spec.LatchOf, such as isolation
	Episode     int    // counts from 1; 0: never used
	State       State
	Desired     machine.ActionType
	Scope       machine.Scope

	Holder    string    `json:",omitempty"`
	HeldUntil time.Time `json:",omitzero"`

	FirstIntentAt time.Time            `json:",omitzero"` // of this episode, by our clock
	IntentAt      time.Time            `json:",omitzero"` // of the newest request whose answer is not known
	ActionID      string               `json:",omitempty"`
	ActionStatus  machine.ActionStatus `json:",omitempty"`
	ActionAt      time.Time            `json:",omitzero"`  // creation, by the API's clock
	Adopted       bool                 `json:",omitempty"` // the action was somebody else's request
	Owner         machine.Owner        `json:",omitempty"` // who asked for the action; read it by By
	Requestor     string               `json:",omitempty"` // the same as the API names him, if the action was adopted
	AchievedAt    time.Time            `json:",omitzero"`  // when the action Succeeded, by the API's clock
	LastActionID  string               `json:",omitempty"` // of the episode before

	RunID     string    `json:",omitempty"` // the run that began the episode
	ReleaseAt time.Time `json:",omitzero"`  // creation, by the API's clock, of the oldest release under way
	// UndoneBy is the run that is about to end the lasting state, or has. Nobody joins it meanwhile.
	UndoneBy string `json:",omitempty"`

	LiftTold bool `json:",omitempty"` // people know that Defender is about to lift the isolation

	EndedAt   time.Time `json:",omitzero"`
	EndReason string    `json:",omitempty"`
	// EndKind is what people are told of the end; empty: it was as if the episode never was.
	EndKind string `json:",omitempty"`
	// EndRun is the run that ended it before an action was under way; empty: an action's outcome did.
	EndRun string `json:",omitempty"`
	// EndCause is EndReason as people are told it once, without what differs at every look; empty: as it is.
	EndCause   string    `json:",omitempty"`
	ReleasedAt time.Time `json:",omitzero"` // when somebody released the machine, by the API's clock
	LiftedAt   time.Time `json:",omitzero"` // when Defender lifted the isolation by itself, by the API's clock

	Releases Releases `json:",omitempty"` // of the episodes before
}

// By is who asked for the latch's action. Rows from before there were owners say only whether it was Cordon.
func (l Latch) By() machine.Owner {
	switch {
	case l.Owner != "":
		return l.Owner
	case l.Adopted:
		return machine.ByUnknown
	}
	return machine.ByCordon
}

// Since is when the latch's state was reached, by the API's clock; in rows from before that was kept, when it was asked
// for.
func (l Latch) Since() time.Time {
	if l.AchievedAt.IsZero() {
		return l.ActionAt
	}
	return l.AchievedAt
}

// Isolation is the kind of the latch that owns whether a machine is isolated.
const Isolation = "isolation"

// Held reports whether somebody other than token holds the latch at now.
func (l Latch) Held(token string, now time.Time) bool {
	return l.Holder != "" && l.Holder != token && now.Before(l.HeldUntil)
}

// Of reads the latch of a machine; a fresh one if it was never used.
func (s *Store) Of(ctx context.Context, machineID, kind string) (Latch, error) {
	l := Latch{
		Keys:      s.latches.At(kind, machineID),
		MachineID: machineID,
		Kind:      kind,
	}
	_, err := s.latches.Read(ctx, &l)
	if err != nil {
		return Latch{}, err
	}
	return l, nil
}

// Save writes the latch if nobody changed it since it was read, and updates it for the next write. On rows.ErrConflict
// the caller holds nothing and reads it again.
func (s *Store) Save(ctx context.Context, l *Latch) error {
	return s.latches.Save(ctx, l)
}

// Joiner is a run that ends with an episode.
type Joiner struct {
	rows.Keys
	Episode int
	AlertID string
	Version int
	Groups  string // the notice groups that hear of it, separated by blanks; empty: nobody is told

	JoinedAt time.Time `json:",omitzero"` // when it found the state reached, by our clock; zero: it was there before
}

// Intend writes the latch with its intent and lets the run end with the episode, in one write: whoever finds the action
// knows who is to be told of it, whatever became of the run. rows.ErrConflict: the latch was changed, nothing may be
// sent. The latch is ready for the next write.
func (s *Store) Intend(ctx context.Context, l *Latch, j Joiner) error {
	if err := s.Join(ctx, *l, j); err != nil {
		return err
	}
	written, err := s.Of(ctx, l.MachineID, l.Kind)
	if err != nil {
		return err
	}
	if written.Holder != l.Holder || written.Episode != l.Episode {
		return fmt.Errorf("latch of %s: %w", l.MachineID, rows.ErrConflict)
	}
	*l = written
	return nil
}

// Join lets a run end with the latch's episode, in one write with the latch: if the latch was changed since it was read
// the answer is rows.ErrConflict and nothing was joined. A repeat is harmless. The latch must be read again before it
// is written again.
func (s *Store) Join(ctx context.Context, l Latch, j Joiner) error {
	j.Episode = l.Episode
	j.Keys = rows.Keys{
		PartitionKey: l.PartitionKey,
		RowKey:       joinPrefix(l.Kind, l.Episode) + rows.Key(j.AlertID, fmt.Sprint(j.Version)),
		Overwrite:    true,
	}
	return s.latches.Transact(ctx, &l, &j)
}

// Joiners lists the runs that end with an episode.
func (s *Store) Joiners(ctx context.Context, l Latch) ([]Joiner, error) {
	return rows.List[Joiner](ctx, s.latches,
		rows.Prefix(l.PartitionKey, joinPrefix(l.Kind, l.Episode)))
}

func joinPrefix(kind string, episode int) string {
	return fmt.Sprintf("%s:join:%08d:", kind, episode)
}

// OpenEpisode is an entry of the index of machines whose latch has an open episode.
type OpenEpisode struct {
	rows.Keys
	MachineID string
	Kind      string
}

// AddOpen puts a machine's latch into the index; it is called while the latch is held and before an intent is written,
// so that no request is unknown to those who follow it. A repeat is harmless and keeps the entry from being removed by
// somebody who listed it before.
func (s *Store) AddOpen(ctx context.Context, machineID, kind string) error {
	entry := OpenEpisode{
		Keys:      s.open.At(rows.Key(machineID, kind)),
		MachineID: machineID,
		Kind:      kind,
	}
	return s.open.Put(ctx, &entry)
}

// OpenEpisodes lists the index.
func (s *Store) OpenEpisodes(ctx context.Context) ([]OpenEpisode, error) {
	return rows.List[OpenEpisode](ctx, s.open, rows.Prefix(s.open.Partition(), ""))
}

// RemoveOpen takes an entry out of the index, unless it was added again since it was listed.
func (s *Store) RemoveOpen(ctx context.Context, entry OpenEpisode) error {
	_, err := s.open.RemoveUnchanged(ctx, entry.Keys)
	return err
}

// NextEpisode is the latch at the beginning of its next episode, with nothing of the one before but its key and name,
// and that it was released.
func NextEpisode(l Latch) Latch {
	return Latch{
		Keys:        l.Keys,
		MachineID:   l.MachineID,
		MachineName: l.MachineName,
		Kind:        l.Kind,
		Episode:     l.Episode + 1,
		State:       Preparing,
		Releases:    l.AllReleases(),
	}
}

// Aging are the joiners of episodes, and episodes that are over and that the latch has forgotten.
func (s *Store) Aging() []rows.Aging {
	return []rows.Aging{{
		Name:   "joiners",
		Table:  s.latches,
		Remove: s.removeOld,
	}}
}

func (s *Store) removeOld(ctx context.Context, k rows.Keys, before time.Time) (int, error) {
	if !strings.Contains(k.RowKey, ":join:") && !strings.HasPrefix(k.RowKey, rows.Key(past)+"|") {
		return 0, nil
	}
	return s.latches.RemoveRow(ctx, k, before)
}
