package kql

import "strings"

// Opaque is the length of the text literal or comment at the beginning of s, 0 if there is neither ("The string data
// type", Kusto Query Language). One that never ends goes to the end of its line, or of s.
func Opaque(s string) int {
	switch {
	case strings.HasPrefix(s, "//"):
		return lineLength(s)
	case strings.HasPrefix(s, "```"), strings.HasPrefix(s, "~~~"):
		end := strings.Index(s[3:], s[:3])
		if end >= 0 {
			return end + 6
		}
		return len(s)
	case strings.HasPrefix(s, `@"`), strings.HasPrefix(s, "@'"):
		return 1 + verbatim(s[1:])
	case s != "" && (s[0] == '"' || s[0] == '\''):
		return escaped(s)
	}
	return 0
}

func lineLength(s string) int {
	end := strings.IndexByte(s, '\n')
	if end >= 0 {
		return end
	}
	return len(s)
}

// verbatim has its quote doubled where the quote itself is meant.
func verbatim(s string) int {
	for i := 1; i < lineLength(s); i++ {
		if s[i] != s[0] {
			continue
		}
		if i+1 >= len(s) || s[i+1] != s[0] {
			return i + 1
		}
		i++
	}
	return lineLength(s)
}

func escaped(s string) int {
	for i := 1; i < lineLength(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case s[0]:
			return i + 1
		}
	}
	return lineLength(s)
}
