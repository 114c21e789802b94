package notice

import "cordon/handler/incoming"

// known is what else was told of a machine, by whatever told it last: some news, such as an outcome, says nothing of
// it.
type known struct {
	User, Group string
	Tags        []string
}

func knownOf(events []Event, machineID string) known {
	var k known
	for _, e := range events {
		if e.MachineID == machineID && (e.User != "" || e.Group != "" || len(e.Tags) > 0) {
			k = known{User: e.User, Group: e.Group, Tags: e.Tags}
		}
	}
	return k
}

// How much an event keeps of who uses the machine and what it is, in UTF-16 units.
const (
	factKept = 200
	tagKept  = 100
	tagsKept = 20
)

// About adds what is known of the machine and of the user of the alert. All of it was written by others.
func (e *Event) About(user, domain, group string, tags []string) {
	e.User = incoming.Text(user, factKept)
	if domain != "" && user != "" {
		e.User = incoming.Text(domain+`\`+user, factKept)
	}
	e.Group = incoming.Text(group, factKept)
	for _, tag := range tags[:min(len(tags), tagsKept)] {
		e.Tags = append(e.Tags, incoming.Text(tag, tagKept))
	}
}
