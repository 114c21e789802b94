package hunt

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"cordon/handler/hunt/header"
	"cordon/handler/hunt/kql"
)

// Param is a value that a query takes, with its type and what it is when nobody gives another. Its value is written
// into the query as a literal of its type, never as text.
type Param struct {
	Name    string
	Type    ParamType
	Default string // as it is written in the header
	line    int
}

// ParamType is the type of a parameter.
type ParamType string

// The types of parameters, by the names of the query language, and a list of texts.
const (
	TypeString   ParamType = "string"
	TypeLong     ParamType = "long"
	TypeReal     ParamType = "real"
	TypeBool     ParamType = "bool"
	TypeDatetime ParamType = "datetime"
	TypeTimespan ParamType = "timespan"
	TypeStrings  ParamType = "strings"
)

func paramTypes() []string {
	return []string{
		string(TypeString), string(TypeLong), string(TypeReal), string(TypeBool), string(TypeDatetime),
		string(TypeTimespan), string(TypeStrings),
	}
}

// sinceParam needs no declaration: where the time that a run looks at begins.
const sinceParam = "since"

// Literal writes a value as a literal of the query language ("Scalar data types", Kusto Query Language). An error says
// what is wrong with the value. The literal holds nothing of the value but what its type allows.
func (t ParamType) Literal(value string) (string, error) {
	value = strings.TrimSpace(value)
	switch t {
	case TypeString:
		return kql.Text(value)
	case TypeStrings:
		return kql.List(value)
	case TypeLong:
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			return "", fmt.Errorf("%q is no whole number, such as 10", plain(value, 40))
		}
		return fmt.Sprintf("long(%d)", n), nil
	case TypeReal:
		if !regexp.MustCompile(`^-?[0-9]{1,15}(\.[0-9]{1,15})?$`).MatchString(value) {
			return "", fmt.Errorf("%q is no number, such as 0.5", plain(value, 40))
		}
		return "real(" + value + ")", nil
	case TypeBool:
		if value != "true" && value != "false" {
			return "", fmt.Errorf("%q is not true or false", plain(value, 40))
		}
		return value, nil
	case TypeDatetime:
		at, err := time.Parse(time.RFC3339, value)
		if err != nil {
			return "", fmt.Errorf("%q is no time, such as 2026-03-02T10:00:00Z", plain(value, 40))
		}
		return kql.Datetime(at), nil
	case TypeTimespan:
		d, err := age(value)
		if err != nil {
			return "", err
		}
		return fmt.Sprintf("time(%d.%02d:%02d:%02d)", d/(24*time.Hour), d/time.Hour%24, d/time.Minute%60,
			d/time.Second%60), nil
	}
	return "", fmt.Errorf("there is no type %q", plain(string(t), 40))
}

// age reads a duration written as a whole number and one unit.
func age(value string) (time.Duration, error) {
	if !regexp.MustCompile(header.Age).MatchString(value) {
		return 0,
			fmt.Errorf("%q is no duration: a whole number with s, m, h or d, such as 30m, 4h or 2d", plain(value, 40))
	}
	n, err := strconv.Atoi(value[:len(value)-1])
	if err != nil {
		return 0, err
	}
	unit := map[byte]time.Duration{
		's': time.Second,
		'm': time.Minute,
		'h': time.Hour,
		'd': 24 * time.Hour,
	}[value[len(value)-1]]
	d := time.Duration(n) * unit
	if d <= maxAge {
		return d, nil
	}
	return 0, fmt.Errorf("%s is more than 400d", value)
}

// Since reads the beginning of a time that ends now: a duration such as 24h, or a time.
func Since(now time.Time, value string) (time.Time, error) {
	at, err := time.Parse(time.RFC3339, value)
	if err == nil {
		return at.UTC(), nil
	}
	back, err := age(value)
	if err != nil {
		return time.Time{},
			fmt.Errorf("%q is neither a duration, such as 24h or 7d, nor a time, such as 2026-03-02T10:00:00Z",
				plain(value, 40))
	}
	return now.Add(-back), nil
}

// maxAge bounds every duration of a header.
const maxAge = 400 * 24 * time.Hour
