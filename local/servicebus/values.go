package servicebus

import (
	"fmt"
	"time"

	"cordon/local/internal/wire"
)

// goValues are application properties as Go has them; nil if there are none. UUIDs, characters, durations and URIs are
// text, a time with an offset is a time; what has no equal, such as a decimal, is left out.
func goValues(m wire.Map) map[string]any {
	var out map[string]any
	for name, value := range m.Text() {
		if v, ok := goValue(value); ok {
			if out == nil {
				out = map[string]any{}
			}
			out[name] = v
		}
	}
	return out
}

func goValue(value any) (any, bool) {
	switch v := value.(type) {
	case wire.Symbol:
		return string(v), true
	case wire.UUID:
		return v.String(), true
	case wire.Opaque:
		c, ok := v.Char()
		return string(c), ok
	case wire.Described:
		return describedValue(v)
	case []any, wire.Map, wire.Array: // not for properties, part 3, section 3.2.5 of the standard
		return nil, false
	default:
		return v, true
	}
}

// The vendor's ticks are 100 ns, and those of a time count from the year 1 to 9999.
const (
	ticksPerSecond = 10_000_000
	ticksTo1970    = 621_355_968_000_000_000
	lastTick       = 3_155_378_975_999_999_999
)

// describedValue reads the types that the vendor's client for .NET describes.
func describedValue(d wire.Described) (any, bool) {
	ticks, timed := d.Value.(int64)
	switch d.Descriptor {
	case wire.Symbol("com.microsoft:datetime-offset"):
		since := ticks - ticksTo1970
		return time.Unix(since/ticksPerSecond, since%ticksPerSecond*100).UTC(), timed && ticks >= 0 && ticks <= lastTick
	case wire.Symbol("com.microsoft:timespan"):
		return span(ticks), timed
	case wire.Symbol("com.microsoft:uri"):
		uri, ok := d.Value.(string)
		return uri, ok
	default:
		return nil, false
	}
}

// span is a duration as .NET writes it: [-][d.]hh:mm:ss[.fffffff].
func span(ticks int64) string {
	sign, n := "", uint64(ticks)
	if ticks < 0 {
		sign, n = "-", -n
	}
	seconds, fraction := n/ticksPerSecond, n%ticksPerSecond
	if days := seconds / 86400; days > 0 {
		sign += fmt.Sprintf("%d.", days)
	}
	text := fmt.Sprintf("%s%02d:%02d:%02d", sign, seconds/3600%24, seconds/60%60, seconds%60)
	if fraction > 0 {
		text += fmt.Sprintf(".%07d", fraction)
	}
	return text
}
