package funchost

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// resolve replaces each %NAME% in text by that app setting. what names the text in errors.
func resolve(settings map[string]string, what, text string) (string, error) {
	var b strings.Builder
	rest := text
	for {
		before, after, found := strings.Cut(rest, "%")
		b.WriteString(before)
		if !found {
			return b.String(), nil
		}
		name, tail, closed := strings.Cut(after, "%")
		if !closed || name == "" {
			return "", fmt.Errorf("%s %q: a %% stands alone; app settings are written %%NAME%%", what, text)
		}
		value, ok := settings[name]
		if !ok {
			return "", fmt.Errorf("%s %q: app setting %s is not set", what, text, name)
		}
		b.WriteString(value)
		rest = tail
	}
}

// expand replaces %NAME% as the host does for the executable and its arguments: names that are not set vanish.
func expand(settings map[string]string, text string) string {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(text, "%")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		name, tail, closed := strings.Cut(after, "%")
		if !closed {
			b.WriteString("%" + after)
			return b.String()
		}
		b.WriteString(settings[name])
		text = tail
	}
}

// environment is the child's environment in the form of os/exec, sorted. Of a name that is set twice the last counts.
func environment(settings ...map[string]string) []string {
	all := make(map[string]string)
	for _, layer := range settings {
		maps.Copy(all, layer)
	}
	out := make([]string, 0, len(all))
	for _, name := range slices.Sorted(maps.Keys(all)) {
		out = append(out, name+"="+all[name])
	}
	return out
}

func checkSettings(settings map[string]string) error {
	for name, value := range settings {
		if name == "" || strings.ContainsAny(name, "=\x00") || strings.ContainsRune(value, 0) {
			return fmt.Errorf("app setting %q cannot be an environment variable", name)
		}
	}
	return nil
}

// disabled says whether an app setting switches the function off. Both spellings count: Linux plans refuse dots.
func disabled(settings map[string]string, function string) bool {
	for _, name := range []string{"AzureWebJobs." + function + ".Disabled", "AzureWebJobs_" + function + "_Disabled"} {
		if v := settings[name]; v == "1" || strings.EqualFold(v, "true") {
			return true
		}
	}
	return false
}

// parseTimeSpan reads .NET's TimeSpan text, "[d.]hh:mm[:ss[.fffffff]]". A number alone is a number of days.
func parseTimeSpan(text string) (time.Duration, error) {
	bad := fmt.Errorf("%q is not a time span; write hh:mm:ss", text)
	var days int
	clock := text
	if d, rest, found := strings.Cut(text, "."); found && !strings.Contains(d, ":") {
		n, err := number(d, 10_000)
		if err != nil {
			return 0, bad
		}
		days, clock = n, rest
	} else if !strings.Contains(text, ":") {
		n, err := number(text, 10_000)
		if err != nil {
			return 0, bad
		}
		return time.Duration(n) * 24 * time.Hour, nil
	}
	parts := strings.Split(clock, ":")
	if len(parts) < 2 || len(parts) > 3 {
		return 0, bad
	}
	h, errH := number(parts[0], 24)
	m, errM := number(parts[1], 60)
	if errH != nil || errM != nil {
		return 0, bad
	}
	total := time.Duration(days)*24*time.Hour + time.Duration(h)*time.Hour + time.Duration(m)*time.Minute
	if len(parts) == 3 {
		whole, _, _ := strings.Cut(parts[2], ".")
		s, err := time.ParseDuration(parts[2] + "s")
		if _, errN := number(whole, 60); err != nil || errN != nil {
			return 0, bad
		}
		total += s
	}
	return total, nil
}

// number reads digits only, below limit.
func number(text string, limit int) (int, error) {
	n, err := strconv.ParseUint(text, 10, 31)
	if err != nil || int(n) >= limit {
		return 0, fmt.Errorf("%q is not a number below %d", text, limit)
	}
	return int(n), nil
}
