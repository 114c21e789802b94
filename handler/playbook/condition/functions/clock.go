package functions

import (
	"errors"
	"time"
	_ "time/tzdata" // zones have to mean the same on every host, and a container may have none
)

// clock is a time of day as playbooks write it.
const clock = "15:04"

// zone looks a zone up and keeps it. Local would be another one on every host.
func (s *Set) zone(name string) bool {
	if name == "" || name == "Local" {
		return false
	}
	zone, err := time.LoadLocation(name)
	if err == nil {
		s.zones[name] = zone
	}
	return err == nil
}

func (s *Set) timeBetween(p ...any) (any, error) {
	at, args := p[0].(time.Time), texts(p[1:])
	zone, known := s.zones[args[2]]
	from, fromErr := time.Parse(clock, args[0])
	to, toErr := time.Parse(clock, args[1])
	if !known || fromErr != nil || toErr != nil || at.IsZero() {
		return false, errors.New("the time of day is not known")
	}
	local := at.In(zone)
	day := time.Date(0, 1, 1, local.Hour(), local.Minute(), local.Second(), 0, time.UTC)
	if from.Before(to) {
		return !day.Before(from) && day.Before(to), nil
	}
	return !day.Before(from) || day.Before(to), nil
}

func (s *Set) weekday(p ...any) (any, error) {
	at := p[0].(time.Time)
	zone, known := s.zones[texts(p)[1]]
	if !known || at.IsZero() {
		return "", errors.New("the day of the week is not known")
	}
	return at.In(zone).Weekday().String(), nil
}
