package hunt

import (
	"fmt"
	"regexp"
	"strings"
	"time"
)

// piece is a part of a query: text as it stands, or the name of a parameter.
type piece struct {
	text  string
	param string
}

// placeholder is how a query takes a parameter: {{name}}.
const placeholder = `^\{\{\s*([A-Za-z][A-Za-z0-9]{0,31})\s*\}\}`

// pieces takes a query apart. A placeholder within a text or a comment is refused: the literal would not be one there.
func pieces(query string, firstLine int, wrong func(line int, message, hint string)) []piece {
	hole := regexp.MustCompile(placeholder)
	var out []piece
	from, line := 0, firstLine
	for i := 0; i < len(query); {
		if n := opaque(query[i:]); n > 0 {
			if strings.Contains(query[i:i+n], "{{") {
				wrong(line, "{{…}} stands within a text or a comment",
					"write it where a value may stand: its quotes come with it")
			}
			line += strings.Count(query[i:i+n], "\n")
			i += n
			continue
		}
		if !strings.HasPrefix(query[i:], "{{") {
			if query[i] == '\n' {
				line++
			}
			i++
			continue
		}
		m := hole.FindStringSubmatch(query[i:])
		if m == nil {
			wrong(line, "{{ does not begin a parameter", "such as {{since}}; the query language itself has no {{")
			i += 2
			continue
		}
		out = append(out, piece{text: query[from:i]}, piece{param: m[1]})
		i += len(m[0])
		from = i
	}
	return append(out, piece{text: query[from:]})
}

// opaque is the length of the text literal or comment at the beginning of s, 0 if there is neither ("The string data
// type", Kusto Query Language). One that never ends goes to the end of its line, or of s.
func opaque(s string) int {
	switch {
	case strings.HasPrefix(s, "//"):
		return lineLength(s)
	case strings.HasPrefix(s, "```"), strings.HasPrefix(s, "~~~"):
		if end := strings.Index(s[3:], s[:3]); end >= 0 {
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
	if end := strings.IndexByte(s, '\n'); end >= 0 {
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

// Query writes the query for a run that looks back to since, with values in place of the parameters' own. An error
// names the parameter.
func (h *Hunt) Query(since time.Time, values map[string]string) (string, error) {
	literals := map[string]string{sinceParam: datetime(since)}
	for _, p := range h.Params {
		value, given := values[p.Name]
		if !given {
			value = p.Default
		}
		text, err := p.Type.Literal(value)
		if err != nil {
			return "", fmt.Errorf("parameter %s: %w", p.Name, err)
		}
		literals[p.Name] = text
	}
	for name := range values {
		if _, known := literals[name]; !known || name == sinceParam {
			return "", fmt.Errorf("hunt %s has no parameter %q that can be set", h.Name, plain(name, 40))
		}
	}
	var b strings.Builder
	for _, p := range h.query {
		if p.param != "" {
			b.WriteString(literals[p.param])
			continue
		}
		b.WriteString(p.text)
	}
	return b.String(), nil
}
