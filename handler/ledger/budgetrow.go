package ledger

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"slices"
	"time"
)

// budget is the row of one action. Stamps are stored as 24 bytes each and not as JSON, because a day may hold 10,000 of
// them (the most that a playbook can allow); what a property has no room for goes into the next.
type budget struct {
	keys
	Entries      []byte `json:",omitempty"` // a format byte and stamps
	EntriesType  string `json:"Entries@odata.type,omitempty"`
	Entries2     []byte `json:",omitempty"` // more of Entries
	Entries2Type string `json:"Entries2@odata.type,omitempty"`
	Entries3     []byte `json:",omitempty"`
	Entries3Type string `json:"Entries3@odata.type,omitempty"`
	Entries4     []byte `json:",omitempty"`
	Entries4Type string `json:"Entries4@odata.type,omitempty"`
	Calls        []byte `json:",omitempty"` // stamps
	CallsType    string `json:"Calls@odata.type,omitempty"`
	Waiting      []byte `json:",omitempty"` // waiters
	WaitingType  string `json:"Waiting@odata.type,omitempty"`
}

// The first byte of Entries. Rows of the first version are gzip, whose first byte is another; that version can not read
// this one and leaves its runs for later.
const (
	budgetFormat = 2
	gzipFormat   = 0x1f
)

// How much a row takes: caps and quotas that lie above are held against these instead.
const (
	stampSize  = 24
	waiterSize = 32
	maxEntries = (4*maxProperty - 1) / stampSize
	maxCalls   = maxProperty / stampSize
	maxWaiting = maxProperty / waiterSize
)

// idOf stands for a key with 64 bits of its digest. Two keys with the same would share a slot; among the 10,000 of a day
// that is not to be expected in the lifetime of anything.
func idOf(parts ...string) uint64 {
	sum := sha256.Sum256([]byte(key(parts...)))
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

func hasID(stamps []stamp, id uint64) bool {
	return slices.ContainsFunc(stamps, func(s stamp) bool { return s.ID == id })
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
	slices.SortStableFunc(stamps, func(a, b stamp) int { return int(min(max(a.At-b.At, -1), 1)) })
	return stamps
}

func (b *budget) read() (*slots, error) {
	taken := &slots{}
	var err error
	switch {
	case len(b.Entries) == 0:
	case b.Entries[0] == gzipFormat:
		taken.entries, err = firstFormat(b.Entries)
	case b.Entries[0] == budgetFormat:
		taken.entries, err = records[stamp](slices.Concat(b.Entries[1:], b.Entries2, b.Entries3, b.Entries4), stampSize)
	default:
		err = errors.New("its format is newer than this version reads")
	}
	if err == nil {
		taken.calls, err = records[stamp](b.Calls, stampSize)
	}
	if err == nil {
		taken.waiting, err = records[waiter](b.Waiting, waiterSize)
	}
	if err != nil {
		return nil, &Error{Op: "read the budget row", cause: err}
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
	body, err := unpack(packed)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(body, &entries); err != nil {
		return nil, err
	}
	stamps := make([]stamp, 0, len(entries))
	for _, e := range entries {
		stamps = append(stamps, stamp{ID: idOf(e.Key), At: e.At.UnixMilli()})
	}
	return stamps, nil
}

func records[T any](body []byte, size int) ([]T, error) {
	if len(body)%size != 0 {
		return nil, errors.New("it holds a broken record")
	}
	all := make([]T, len(body)/size)
	_, err := binary.Decode(body, binary.BigEndian, all)
	return all, err
}

// write puts the slots into the row. Of calls beyond what fits the oldest are left out: so many in an hour are above any
// quota that is documented.
func (b *budget) write(taken *slots) {
	parts := [4][]byte{}
	all := append([]byte{budgetFormat}, bytesOf(inOrder(taken.entries))...)
	for i := range parts {
		n := min(len(all), maxProperty)
		parts[i], all = all[:n], all[n:]
	}
	calls := inOrder(taken.calls)
	calls = calls[max(0, len(calls)-maxCalls):]
	b.Entries, b.Entries2, b.Entries3, b.Entries4, b.Calls, b.Waiting = parts[0], parts[1], parts[2], parts[3], bytesOf(calls), bytesOf(taken.waiting)
	b.EntriesType, b.Entries2Type, b.Entries3Type, b.Entries4Type = binaryType(b.Entries), binaryType(b.Entries2), binaryType(b.Entries3), binaryType(b.Entries4)
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
