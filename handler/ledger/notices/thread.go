package notices

import (
	"context"
	"encoding/json"
	"slices"

	"cordon/handler/ledger/rows"
	"cordon/handler/outgoing"
)

// MostThreads is how many machines of a group have a thread of their own, the first ones. What is told of the others
// goes with the group's own thread, so that an attack on hundreds of machines at once is a handful of mails.
const MostThreads = 5

// head is what is kept of the threads of a group. The version before knows of the group's own thread only, and takes
// the others off the row: then they begin anew.
type head struct {
	rows.Keys
	thread           // the group's own
	Last     int     // the newest sequence of any thread
	Machines threads `json:",omitempty"`
}

// thread is where the sequences of a thread stand.
type thread struct {
	Machine string `json:",omitempty"` // whose it is; empty: the group's own
	Open    int    // the sequence that takes entries; 0: the next entry opens a new one
	First   int    `json:",omitempty"` // the first sequence; 0: there is none yet
}

// threads are written as a text, because a row has no lists.
type threads []*thread

// MarshalText implements encoding.TextMarshaler.
func (all threads) MarshalText() ([]byte, error) { return outgoing.Encode([]*thread(all)) }

// UnmarshalText implements encoding.TextUnmarshaler.
func (all *threads) UnmarshalText(text []byte) error {
	return json.Unmarshal(text, (*[]*thread)(all))
}

// head reads the head of a group, which may not be written yet.
func (s *Store) head(ctx context.Context, group string) (head, error) {
	h := head{Keys: s.notices.At("head", "group", group)}
	_, err := s.notices.Read(ctx, &h)
	if h.Last > 0 && h.First == 0 && len(h.Machines) == 0 {
		h.First = 1 // by the version before
	}
	return h, err
}

// threadOf is the thread of what is told of a machine. Whoever has one keeps it, and so does whoever has none.
func (h *head) threadOf(machine string) *thread {
	at := slices.IndexFunc(h.Machines, func(t *thread) bool {
		return t.Machine == machine
	})
	switch {
	case at >= 0:
		return h.Machines[at]
	case machine == "" || len(h.Machines) >= MostThreads:
		return &h.thread
	}
	t := &thread{Machine: machine}
	h.Machines = append(h.Machines, t)
	return t
}

// open begins the next sequence of a thread.
func (h *head) open(t *thread) {
	h.Last++
	t.Open = h.Last
	if t.First == 0 {
		t.First = h.Last
	}
}

// close lets a sequence take no more entries.
func (h *head) close(seq int) {
	for _, t := range append(slices.Clone(h.Machines), &h.thread) {
		if t.Open == seq {
			t.Open = 0
		}
	}
}
