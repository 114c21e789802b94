package hunt

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"cordon/handler/hunt/kql"
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
		n := kql.Opaque(query[i:])
		if n > 0 {
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

// Query writes the query for a run that looks back to since, with values in place of the parameters' own. An error
// names the parameter.
func (h *Hunt) Query(since time.Time, values map[string]string) (string, error) {
	literals := map[string]string{sinceParam: kql.Datetime(since)}
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
		_, known := literals[name]
		if !known || name == sinceParam {
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
