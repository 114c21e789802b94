package notices

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"cordon/handler/ledger/rows"
	"cordon/handler/outgoing"
)

// Note records an event for a group under a key, once, as Add does, but asks for no mail: the event goes with the open
// sequence, else with the next one that something else opens.
func (s *Store) Note(
	ctx context.Context,
	group, eventKey string,
	event any,
	at time.Time,
) error {
	body, err := outgoing.Encode(event)
	if err != nil {
		return fmt.Errorf("encode a notice entry: %w", err)
	}
	return rows.Try("note for notice "+group, func() error {
		entry := Entry{Keys: s.notices.At("entry:"+rows.Key(eventKey), "group", group)}
		found, err := s.notices.Read(ctx, &entry)
		if err != nil || found {
			return err
		}
		top := head{Keys: s.notices.At("head", "group", group)}
		if _, err := s.notices.Read(ctx, &top); err != nil {
			return err
		}
		entry.At, entry.Body = at, string(body)
		entry.Seq = cmp.Or(top.Open, top.Last+1)
		return s.notices.Transact(ctx, &entry, &top)
	})
}
