package facts

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"cordon/handler/playbook/spelling"
)

// maxShownEntries is how much of a list an explanation keeps.
const maxShownEntries = 12

// Shown prints a fact for an explanation.
func Shown(v reflect.Value, ok bool) string {
	if !ok || v.Kind() == reflect.Pointer && v.IsNil() {
		return "nil"
	}
	switch x := v.Interface().(type) {
	case time.Time:
		if x.IsZero() {
			return "not given"
		}
		return x.UTC().Format(time.RFC3339Nano)
	case time.Duration:
		if x == NoReport {
			return "not given"
		}
		return x.Round(time.Second).String()
	case []string:
		if x == nil {
			return "not given"
		}
		return shownList(x)
	case map[string]string:
		return shownRow(x)
	case []Action:
		list := make([]string, len(x))
		for i, a := range x {
			list[i] = a.Type + " " + a.Status
		}
		return shownList(list)
	}
	switch v.Kind() {
	case reflect.String:
		return spelling.Quoted(v.String())
	case reflect.Bool:
		return strconv.FormatBool(v.Bool())
	case reflect.Int64:
		return strconv.FormatInt(v.Int(), 10)
	case reflect.Slice:
		return fmt.Sprintf("%d entries", v.Len())
	}
	return "present"
}

// shownRow prints a row for an explanation.
func shownRow(row map[string]string) string {
	list := make([]string, 0, len(row))
	for _, name := range slices.Sorted(maps.Keys(row)) {
		list = append(list, name+": "+row[name])
	}
	return shownList(list)
}

func shownList(list []string) string {
	parts := make([]string, 0, maxShownEntries+1)
	for _, s := range list[:min(len(list), maxShownEntries)] {
		parts = append(parts, spelling.Quoted(s))
	}
	if more := len(list) - maxShownEntries; more > 0 {
		parts = append(parts, fmt.Sprintf("%d more", more))
	}
	return "[" + strings.Join(parts, ", ") + "]"
}
