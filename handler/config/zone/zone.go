// Package zone finds a time zone by its name in the tz database. Names and zones are in the program, because neither
// the platform nor every workstation has them.
package zone

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // the zones themselves, for where the system has none

	"cordon/handler/playbook/spelling"
)

//go:embed names.txt
var names string

// Named is the zone of a name. An error says what was probably meant. Names of the system alone are refused: what
// works on a workstation has to work where the app runs.
func Named(name string) (*time.Location, error) {
	known := strings.Fields(names)
	if slices.Contains(known, name) {
		return time.LoadLocation(name)
	}
	const expected = "a name of the tz database, such as Europe/Berlin or UTC"
	near := spelling.Nearest(name, known)
	if len(near) == 0 {
		return nil, fmt.Errorf("expected %s", expected)
	}
	return nil, fmt.Errorf("did you mean %s? expected %s", strings.Join(near, " or "), expected)
}
