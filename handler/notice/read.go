package notice

import (
	"encoding/json"
	"fmt"
	netmail "net/mail"
	"strings"

	"cordon/handler/ledger/notices"
)

// Events reads what the entries of a notice group tell, in their order.
func Events(entries []notices.Entry) ([]Event, error) {
	events := make([]Event, 0, len(entries))
	for _, entry := range entries {
		var e Event
		err := json.Unmarshal([]byte(entry.Body), &e)
		if err != nil {
			return nil, fmt.Errorf("read an entry of a notice: %w", err)
		}
		e.seq, e.told = entry.Seq, entry.At
		events = append(events, e)
	}
	return events, nil
}

// Recipients are who gets the mails of a notice group, of which events are all that it tells: the configured ones
// unless a rule names others.
func Recipients(events []Event, configured []string) []string {
	to := configured
	for _, e := range events {
		if len(e.To) > 0 {
			to = e.To
		}
	}
	return to
}

func joined(addresses []string) string { return strings.Join(addresses, ",") }

// Addresses are the recipients that a row of the ledger names. The name that goes with an address may hold a comma.
func Addresses(joined string) []string {
	if joined == "" {
		return nil
	}
	parsed, err := netmail.ParseAddressList(joined)
	if err != nil {
		return strings.Split(joined, ",")
	}
	addresses := make([]string, len(parsed))
	for i, a := range parsed {
		addresses[i] = a.String()
		if a.Name == "" {
			addresses[i] = a.Address
		}
	}
	return addresses
}
