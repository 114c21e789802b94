package world

import (
	"fmt"
	"slices"
)

// OnlyDefender is the source of alerts where nothing is said: Graph's alerts are not asked for.
const OnlyDefender = "defender"

// CheckSource refuses what CORDON_ALERT_SOURCE cannot be.
func CheckSource(name string) error {
	if slices.Contains([]string{OnlyDefender, "graph", "both"}, name) {
		return nil
	}
	return fmt.Errorf("there is no source of alerts %q; there are defender, graph and both", name)
}
