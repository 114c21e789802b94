package hunt

import (
	"fmt"
	"net/mail"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"cordon/handler/alert"
	"cordon/handler/hunt/header"
	"cordon/handler/incoming"
	"cordon/handler/schedule"
)

// maxFile bounds a file, in bytes.
const maxFile = 64 << 10

// entryPattern is a line of a header that begins a key.
const entryPattern = `^//\s?([A-Za-z]+)\s*:(.*)$`

// entry is one key of a header.
type entry struct {
	key, value string
	line       int
}

// reader reads one file and notes what is wrong with it.
type reader struct {
	file     string
	lines    []string
	entries  []entry
	problems []Problem
}

func (r *reader) wrong(line int, message, hint string) {
	p := Problem{
		File:    r.file,
		Line:    line,
		Message: plain(message, 400),
		Hint:    plain(hint, 400),
	}
	if line >= 1 && line <= len(r.lines) {
		p.Excerpt = plain(r.lines[line-1], maxExcerpt)
	}
	r.problems = append(r.problems, p)
}

// Parse reads one file of the catalogue. The hunt counts only without problems.
func Parse(file string, body []byte) (*Hunt, []Problem) {
	r := &reader{file: file}
	if len(body) > maxFile {
		r.wrong(1, fmt.Sprintf("the file has %d bytes, the limit is %d", len(body), maxFile), "is this the right file?")
		return nil, r.problems
	}
	text := strings.ReplaceAll(string(incoming.Document(body)), "\r\n", "\n")
	r.lines = strings.Split(text, "\n")
	for i, line := range r.lines {
		if !utf8.ValidString(line) ||
			strings.ContainsFunc(line, func(c rune) bool {
				return c < ' ' && c != '\t' || c == 0x7f
			}) {
			r.wrong(i+1, "the line is no UTF-8 text, or holds a control character",
				"save the file as UTF-8 and take the character out")
			return nil, r.problems
		}
	}
	end := r.header()
	h := r.hunt()
	query := strings.TrimSpace(strings.Join(r.lines[end:], "\n"))
	if query == "" {
		r.wrong(len(r.lines), "there is no query", "write it below the header")
		return nil, r.problems
	}
	first := end + 1
	for first <= len(r.lines) && strings.TrimSpace(r.lines[first-1]) == "" {
		first++
	}
	h.query = pieces(query, first, r.wrong)
	r.placeholders(h, first)
	if len(r.problems) > 0 {
		return nil, r.problems
	}
	r.gaps(h)
	return h, nil
}

// header reads the comment lines at the top and returns how many there are.
func (r *reader) header() int {
	for i, line := range r.lines {
		if !strings.HasPrefix(line, "//") {
			return i
		}
		m := regexp.MustCompile(entryPattern).FindStringSubmatch(line)
		indented := strings.HasPrefix(line, "//  ") || strings.HasPrefix(line, "//\t")
		switch {
		case strings.Trim(line, "/ \t") == "":
		case indented && len(r.entries) > 0:
			last := &r.entries[len(r.entries)-1]
			last.value += " " + strings.TrimSpace(line[2:])
		case m == nil:
			r.wrong(i+1, "the line is neither key: value nor the rest of the one above",
				"indent what goes on by two spaces; other comments stand below an empty line")
		case !slices.Contains(header.Names(), m[1]):
			r.wrong(i+1,
				fmt.Sprintf("a hunt has no %q", m[1]),
				"known: "+strings.Join(header.Names(), ", "))
		default:
			r.add(entry{m[1], strings.TrimSpace(m[2]), i + 1})
		}
	}
	return len(r.lines)
}

func (r *reader) add(e entry) {
	first, taken := r.find(e.key)
	if taken && e.key != "param" {
		r.wrong(e.line,
			fmt.Sprintf("%s is there twice", e.key),
			fmt.Sprintf("line %d has it already", first.line))
		return
	}
	r.entries = append(r.entries, e)
}

func (r *reader) find(key string) (entry, bool) {
	i := slices.IndexFunc(r.entries, func(e entry) bool { return e.key == key })
	if i < 0 {
		return entry{line: 1}, false
	}
	return r.entries[i], true
}

// need finds an entry that has to be there.
func (r *reader) need(key, hint string) (entry, bool) {
	e, ok := r.find(key)
	if !ok {
		r.wrong(1, key+" is missing", hint)
	}
	return e, ok
}

// word reads an entry that is one of a few words.
func (r *reader) word(key, fallback string, words ...string) string {
	e, ok := r.find(key)
	switch {
	case !ok:
		return fallback
	case slices.Contains(words, e.value):
		return e.value
	}
	r.wrong(e.line,
		fmt.Sprintf("%s is never %q", key, e.value),
		"one of: "+strings.Join(words, ", "))
	return fallback
}

// span reads an entry that is a duration within bounds.
func (r *reader) span(e entry, low, high time.Duration) time.Duration {
	d, err := age(e.value)
	switch {
	case err != nil:
		r.wrong(e.line, e.key+": "+err.Error(), "such as 1h or 7d")
	case d < low || d > high:
		r.wrong(e.line,
			fmt.Sprintf("%s cannot be %s", e.key, e.value),
			fmt.Sprintf("%s to %s", span(low), span(high)))
	}
	return d
}

// hunt makes a hunt of the entries.
func (r *reader) hunt() *Hunt {
	h := &Hunt{File: r.file, Memory: 30 * 24 * time.Hour}
	e, ok := r.need("name", "such as // name: new-remote-tools")
	if ok {
		h.Name = e.value
		if !regexp.MustCompile(header.Name).MatchString(e.value) {
			r.wrong(e.line, fmt.Sprintf("%q is no name for a hunt", e.value),
				"small letters, digits and dashes, at most 48")
		}
	}
	if e, ok := r.find("description"); ok {
		h.Description = plain(e.value, 1000)
	}
	e, ok = r.need("schedule", "six fields, UTC, such as // schedule: 0 0 * * * *")
	if ok {
		h.Spec = strings.Join(strings.Fields(e.value), " ")
		h.schedule = r.schedule(e)
	}
	e, ok = r.need("timespan", "how far back a turn looks, such as // timespan: 2h")
	if ok {
		h.Timespan = r.span(e, time.Minute, MaxLookBack)
	}
	if e, ok := r.find("memory"); ok {
		h.Memory = r.span(e, time.Minute, maxAge)
		if h.Memory < h.Timespan {
			r.wrong(e.line, "memory is shorter than timespan",
				"a row would be news again while the query still finds it: make memory at least as long")
		}
	}
	h.Do = Do(r.word("do", string(DoMail), header.Does()...))
	h.Learn = r.word("first", "report", header.Firsts()...) == "learn"
	h.TellEmpty = r.word("empty", "nothing", header.Empties()...) == "mail"
	h.To = r.recipients()
	h.Params = r.params()
	r.findings(h)
	return h
}

// findings reads what only findings need.
func (r *reader) findings(h *Hunt) {
	h.Identity = r.columns()
	e, given := r.find("severity")
	do, _ := r.find("do")
	switch {
	case given && !h.Do.finds():
		r.wrong(e.line, "severity is of findings, and the hunt makes none", "take it out, or write // do: both")
	case given:
		h.Severity = alert.Severity(r.word("severity", "", header.Severities()...))
	case h.Do.finds():
		r.wrong(do.line, "severity is missing: findings need one", "such as // severity: Medium")
	}
	e, _ = r.find("empty")
	if h.TellEmpty && !h.Do.mails() {
		r.wrong(e.line, "empty: mail asks for mail, and the hunt sends none", "take it out, or write // do: both")
	}
	if h.Do.finds() && !slices.Contains(h.Identity, MachineColumn) {
		e, given := r.find("identity")
		if !given {
			e = do
		}
		r.wrong(e.line, "findings need an identity with "+MachineColumn,
			"such as // identity: DeviceId, SHA1; without the machine two machines with the same row would be one "+
				"finding")
	}
}

func (r *reader) schedule(e entry) schedule.Schedule {
	parsed, err := schedule.Parse(e.value)
	if err != nil {
		r.wrong(e.line, fmt.Sprintf("%q is no schedule", e.value), err.Error())
	}
	return parsed
}

// columns reads the identity.
func (r *reader) columns() []string {
	e, ok := r.find("identity")
	if !ok {
		return nil
	}
	var names []string
	for one := range strings.SplitSeq(e.value, ",") {
		one = strings.TrimSpace(one)
		switch {
		case !regexp.MustCompile(header.Column).MatchString(one):
			r.wrong(e.line, fmt.Sprintf("%q is no name of a column", one),
				"names separated by commas, such as // identity: DeviceId, SHA1")
		case slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, one) }):
			r.wrong(e.line, fmt.Sprintf("identity has %s twice", one), "take one out")
		default:
			names = append(names, one)
		}
	}
	if len(names) > header.MaxNames {
		r.wrong(e.line, fmt.Sprintf("identity has %d columns, the limit is %d", len(names), header.MaxNames),
			"name those that tell one row from another")
	}
	return names
}

func (r *reader) recipients() []string {
	e, ok := r.find("to")
	if !ok || e.value == "" {
		return nil
	}
	list, err := mail.ParseAddressList(e.value)
	if err != nil || len(list) > header.MaxNames {
		r.wrong(e.line, fmt.Sprintf("to is no list of at most %d mail addresses", header.MaxNames),
			"such as // to: soc@example.com; without it the configured recipients get the mail")
		return nil
	}
	var to []string
	for _, a := range list {
		if strings.ContainsAny(a.Address, "{}") {
			r.wrong(e.line, fmt.Sprintf("%q has braces, and the addresses of a hunt are no templates", a.Address),
				"such as // to: soc@example.com")
		}
		if !slices.Contains(to, a.Address) {
			to = append(to, a.Address)
		}
	}
	return to
}

func (r *reader) params() []Param {
	var params []Param
	for _, e := range r.entries {
		if e.key != "param" {
			continue
		}
		m := regexp.MustCompile(header.Param).FindStringSubmatch(e.value)
		if m == nil {
			r.wrong(e.line, fmt.Sprintf("%q declares no parameter", e.value),
				"name, type and value, such as // param: tools strings = a.exe, b.exe; types: "+
					strings.Join(paramTypes(), ", "))
			continue
		}
		p := Param{
			Name:    m[1],
			Type:    ParamType(m[2]),
			Default: m[3],
			line:    e.line,
		}
		_, err := p.Type.Literal(p.Default)
		switch {
		case p.Name == sinceParam:
			r.wrong(e.line, "since is predefined",
				"take it out: {{since}} is the beginning of the time that a run looks at")
		case !slices.Contains(paramTypes(), m[2]):
			r.wrong(e.line,
				fmt.Sprintf("there is no type %q", m[2]),
				"types: "+strings.Join(paramTypes(), ", "))
		case err != nil:
			r.wrong(e.line, fmt.Sprintf("parameter %s: %v", p.Name, err), "write a value of its type after the =")
		case slices.ContainsFunc(params, func(x Param) bool { return x.Name == p.Name }):
			r.wrong(e.line, fmt.Sprintf("parameter %s is there twice", p.Name), "take one out")
		default:
			params = append(params, p)
		}
	}
	if len(params) > header.MaxParams {
		r.wrong(params[header.MaxParams].line,
			fmt.Sprintf("there are %d parameters, the limit is %d", len(params), header.MaxParams),
			"take some out")
	}
	return params
}

// placeholders holds the parameters of the query against those that are declared.
func (r *reader) placeholders(h *Hunt, line int) {
	used := map[string]bool{sinceParam: true}
	for _, p := range h.query {
		line += strings.Count(p.text, "\n")
		if p.param == "" {
			continue
		}
		used[p.param] = true
		if p.param != sinceParam && !slices.ContainsFunc(h.Params, func(x Param) bool { return x.Name == p.param }) {
			r.wrong(line, fmt.Sprintf("{{%s}} is not declared", p.param),
				fmt.Sprintf("write // param: %s string = … into the header", p.param))
		}
	}
	for _, p := range h.Params {
		if !used[p.Name] {
			r.wrong(p.line, fmt.Sprintf("parameter %s is not used", p.Name),
				fmt.Sprintf("write {{%s}} into the query, or take it out", p.Name))
		}
	}
}
