package budget

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"cordon/handler/ledger/rows"
)

// row is the row of one action. Stamps are stored as 32 bytes each and not as JSON, because a day may hold 10,000 of
// them (the most that a playbook can allow); what a property has no room for goes into the next.
type row struct {
	rows.Keys
	Entries      []byte `json:",omitempty"` // a format byte and stamps
	EntriesType  string `json:"Entries@odata.type,omitempty"`
	Entries2     []byte `json:",omitempty"` // more of Entries
	Entries2Type string `json:"Entries2@odata.type,omitempty"`
	Entries3     []byte `json:",omitempty"`
	Entries3Type string `json:"Entries3@odata.type,omitempty"`
	Entries4     []byte `json:",omitempty"`
	Entries4Type string `json:"Entries4@odata.type,omitempty"`
	Entries5     []byte `json:",omitempty"`
	Entries5Type string `json:"Entries5@odata.type,omitempty"`
	Calls        []byte `json:",omitempty"` // stamps
	CallsType    string `json:"Calls@odata.type,omitempty"`
	Waiting      []byte `json:",omitempty"` // waiters
	WaitingType  string `json:"Waiting@odata.type,omitempty"`
}

// The first byte of Entries. Rows of the first version are gzip, whose first byte is another; those of the second have
// stamps without a machine. A version cannot read what a later one wrote and leaves its runs for later.
const (
	budgetFormat  = 3
	noMachines    = 2
	gzipFormat    = 0x1f
	oldStampSize  = 24
	entryProperty = 5 // as many as a row has for entries
)

// How much a row takes: caps and quotas that lie above are held against these instead.
const (
	stampSize  = 32
	waiterSize = 32
	maxEntries = (entryProperty*rows.MaxProperty - 1) / stampSize
	maxCalls   = rows.MaxProperty / stampSize
	maxWaiting = rows.MaxProperty / waiterSize
)

// stamp is something that happened at a time. IDs stand for keys, see idOf. Times are milliseconds since 1970.
type stamp struct {
	ID          uint64
	At          int64
	Rule, Group uint32 // of an entry, see nameOf; Rule of a call, see waited
	Machine     uint64 // of an entry, see machineOf; 0: written by a version before, ID stands for it
}

// machine is what the caps count of an entry.
func (s stamp) machine() uint64 {
	if s.Machine == 0 {
		return s.ID
	}
	return s.Machine
}

// waiter is a request without a slot.
type waiter struct {
	ID    uint64
	Rank  int64 // of the severity
	Since int64 // when it first asked, no two the same: of equal rank the older one comes first
	Due   int64 // when it was told to ask again
}

// idOf stands for a key with 64 bits of its digest. Two keys with the same would share a slot; among the 10,000 of a
// day that is not to be expected in the lifetime of anything.
func idOf(parts ...string) uint64 {
	sum := sha256.Sum256([]byte(rows.Key(parts...)))
	return binary.BigEndian.Uint64(sum[:])
}

// nameOf stands for the name of a rule or a group with 32 bits of its digest; 0 for none.
func nameOf(name string) uint32 {
	if name == "" {
		return 0
	}
	sum := sha256.Sum256([]byte(name))
	return max(binary.BigEndian.Uint32(sum[:4]), 1)
}

// machineOf stands for the machine of a reservation; 0 if it names none.
func machineOf(r Reservation) uint64 {
	if r.Machine == "" {
		return 0
	}
	return max(idOf(r.Machine), 1)
}

func hasID(stamps []stamp, id uint64) bool {
	return slices.ContainsFunc(stamps, func(s stamp) bool {
		return s.ID == id
	})
}

// since are the stamps after t. Stamps are kept in order of time.
func since(stamps []stamp, t int64) []stamp {
	i, _ := slices.BinarySearchFunc(stamps, t, func(s stamp, t int64) int {
		if s.At > t {
			return 1
		}
		return -1
	})
	return stamps[i:]
}

// inOrder sorts by time: the clocks of instances differ a little.
func inOrder(stamps []stamp) []stamp {
	slices.SortStableFunc(stamps, func(a, b stamp) int {
		return int(min(max(a.At-b.At, -1), 1))
	})
	return stamps
}

func (b *row) read() (*slots, error) {
	taken := &slots{}
	stamps := func(body []byte) ([]stamp, error) {
		return records[stamp](body, stampSize)
	}
	var err error
	switch {
	case len(b.Entries) == 0:
	case b.Entries[0] == gzipFormat:
		taken.entries, err = firstFormat(b.Entries)
		stamps = withoutMachines
	case b.Entries[0] == noMachines:
		stamps = withoutMachines
		fallthrough
	case b.Entries[0] == budgetFormat:
		taken.entries, err = stamps(slices.Concat(b.Entries[1:], b.Entries2, b.Entries3, b.Entries4, b.Entries5))
	default:
		err = errors.New("its format is newer than this version reads")
	}
	if err == nil {
		taken.calls, err = stamps(b.Calls)
	}
	if err == nil {
		taken.waiting, err = records[waiter](b.Waiting, waiterSize)
	}
	if err != nil {
		return nil, &rows.Error{Op: "read the budget row", Cause: err}
	}
	inOrder(taken.entries)
	inOrder(taken.calls)
	return taken, nil
}

// firstFormat reads what the first version wrote.
func firstFormat(packed []byte) ([]stamp, error) {
	var entries []struct {
		Key string    `json:"k"`
		At  time.Time `json:"t"`
	}
	body, err := rows.Unpack(packed)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(body, &entries); err != nil {
		return nil, err
	}
	stamps := make([]stamp, 0, len(entries))
	for _, e := range entries {
		stamps = append(stamps, stamp{
			ID: idOf(e.Key),
			At: e.At.UnixMilli(),
		})
	}
	return stamps, nil
}

// withoutMachines reads the stamps of the second version.
func withoutMachines(body []byte) ([]stamp, error) {
	old, err := records[struct {
		ID          uint64
		At          int64
		Rule, Group uint32
	}](body, oldStampSize)
	stamps := make([]stamp, len(old))
	for i, o := range old {
		stamps[i] = stamp{
			ID:    o.ID,
			At:    o.At,
			Rule:  o.Rule,
			Group: o.Group,
		}
	}
	return stamps, err
}

func records[T any](body []byte, size int) ([]T, error) {
	if len(body)%size != 0 {
		return nil, errors.New("it holds a broken record")
	}
	all := make([]T, len(body)/size)
	_, err := binary.Decode(body, binary.BigEndian, all)
	return all, err
}

// write puts the slots into the row. Of calls beyond what fits the oldest are left out: so many in an hour are above
// any quota that is documented.
func (b *row) write(taken *slots) {
	parts := [entryProperty][]byte{}
	all := append([]byte{budgetFormat}, bytesOf(inOrder(taken.entries))...)
	for i := range parts {
		n := min(len(all), rows.MaxProperty)
		parts[i], all = all[:n], all[n:]
	}
	calls := inOrder(taken.calls)
	calls = calls[max(0, len(calls)-maxCalls):]
	b.Entries = parts[0]
	b.Entries2 = parts[1]
	b.Entries3 = parts[2]
	b.Entries4 = parts[3]
	b.Entries5 = parts[4]
	b.EntriesType, b.Entries2Type = binaryType(b.Entries), binaryType(b.Entries2)
	b.Entries3Type, b.Entries4Type = binaryType(b.Entries3), binaryType(b.Entries4)
	b.Entries5Type = binaryType(b.Entries5)
	b.Calls, b.Waiting = bytesOf(calls), bytesOf(taken.waiting)
	b.CallsType, b.WaitingType = binaryType(b.Calls), binaryType(b.Waiting)
}

func bytesOf(fixedSize any) []byte {
	var out bytes.Buffer
	_ = binary.Write(&out, binary.BigEndian, fixedSize) // records of fixed size into memory: there is nothing to fail
	return out.Bytes()
}

func binaryType(value []byte) string {
	if len(value) == 0 {
		return ""
	}
	return "Edm.Binary"
}
