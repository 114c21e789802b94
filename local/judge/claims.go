package judge

import (
	"strings"
	"time"
)

// Claim is what a mail says about one machine.
type Claim struct {
	MachineID string
	Outcome   string
	Action    string    // id of the action that it speaks of; empty: of none
	AsOf      time.Time // by the clock of who said it
}

// Claims reads the blocks "Id …", "Outcome …", "Action …", "As of …" from a mail's text. A line that an alert's text
// tries to add cannot stand at the beginning of a line.
func Claims(text string) []Claim {
	var claims []Claim
	id := ""
	for line := range strings.Lines(text) {
		if len(line) < labelWidth {
			continue
		}
		value := strings.TrimSpace(line[labelWidth:])
		switch label := strings.TrimRight(line[:labelWidth], " "); {
		case label == "Id":
			id = value
		case label == "Outcome" && id != "":
			claims = append(claims, Claim{MachineID: id, Outcome: value})
			id = ""
		case len(claims) == 0 || id != "":
		case label == "Action":
			claims[len(claims)-1].Action = value
		case label == "As of" && claims[len(claims)-1].AsOf.IsZero():
			claims[len(claims)-1].AsOf, _ = time.Parse("2006-01-02 15:04:05 MST", value)
		}
	}
	return claims
}

// labelWidth is how wide the label of a line is.
const labelWidth = len("Machine   ")
