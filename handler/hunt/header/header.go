// Package header holds the table of what can stand in the header of a hunt. The reader of hunts takes names, patterns
// and words from it, and the schema is made of it.
package header

import (
	"cordon/handler/alert"
)

// The patterns of a header's values.
const (
	Name   = `^[a-z0-9][a-z0-9-]{0,47}$`
	Column = `^[A-Za-z_][A-Za-z0-9_]{0,99}$`
	Param  = `^([A-Za-z][A-Za-z0-9]{0,31})\s+([a-z]+)\s*=\s*(.*)$`
	Age    = `^[1-9][0-9]{0,5}[smhd]$`
)

// Bounds of a header.
const (
	MaxParams = 20
	MaxNames  = 20 // columns of an identity, recipients
)

// MachineColumn is the column that names a machine, by its id at Defender.
const MachineColumn = "DeviceId"

// Key is one key of a header.
type Key struct {
	Name     string
	Help     string
	Pattern  string   // that its value fits; empty: any does
	Words    []string // that its value is one of; none: any will do
	Required bool
	Several  bool // it may be there several times
}

// Keys are the keys of a header, in the order in which they are best written.
func Keys() []Key {
	return []Key{
		{Name: "name", Pattern: Name, Required: true,
			Help: "small letters, digits and dashes; what was seen is remembered by it"},
		{Name: "description", Help: "for people; it stands in the mail"},
		{Name: "schedule", Pattern: `^\s*\S+(\s+\S+){5}\s*$`, Required: true,
			Help: "six fields, UTC: second minute hour day month weekday"},
		{Name: "timespan", Pattern: Age, Required: true, Help: "how far back a turn looks, 1m to 30d"},
		{Name: "identity", Help: "the columns that make two rows the same, separated by commas"},
		{Name: "do", Words: Does(), Help: "what becomes of new rows; mail if it is left out"},
		{Name: "severity", Words: Severities(), Help: "of findings"},
		{Name: "to", Help: "who gets the mail; the configured recipients if it is left out"},
		{Name: "first", Words: Firsts(), Help: "learn: the first turn remembers what is there and reports nothing"},
		{Name: "empty", Words: Empties(), Help: "mail: a turn without new rows is mailed too"},
		{Name: "memory", Pattern: Age, Help: "for how long a row that comes again is no news; 30d if it is left out"},
		{Name: "param", Pattern: Param, Several: true, Help: "a value of the query: name, type and value"},
	}
}

// Names are the names of the keys.
func Names() []string {
	var names []string
	for _, k := range Keys() {
		names = append(names, k.Name)
	}
	return names
}

// Does are what may become of new rows.
func Does() []string {
	return []string{"mail", "findings", "both"}
}

// Severities are those that findings may have.
func Severities() []string {
	return []string{
		string(alert.High),
		string(alert.Medium),
		string(alert.Low),
		string(alert.Informational),
	}
}

// Firsts are what a first turn may do.
func Firsts() []string {
	return []string{"learn", "report"}
}

// Empties are what may become of a turn without new rows.
func Empties() []string {
	return []string{"mail", "nothing"}
}
