package anonymous

import (
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"

	"cordon/handler/decided"
)

// collect learns names from the fields that hold them.
func (n *names) collect(f *decided.Facts) {
	n.add(machineID, f.Alert.MachineID)
	n.host(f.Alert.ComputerDNSName)
	n.user(f.Alert.RelatedUser.Name)
	n.add(domain, f.Alert.RelatedUser.Domain)
	n.user(f.Alert.AssignedTo)
	if f.Machine != nil {
		n.add(machineID, f.Machine.ID)
		n.host(f.Machine.ComputerDNSName)
	}
	for _, e := range f.Alert.Evidence {
		n.user(e.AccountName)
		n.user(e.UPN)
		n.add(domain, e.DomainName)
		n.add(account, e.AADUserID)
		n.add(sid, e.UserSID)
	}
	for _, a := range f.OpenActions {
		n.asker(a)
	}
	if f.Isolation != nil {
		n.asker(f.Isolation.Action)
	}
	if f.Hunt != nil {
		for _, column := range slices.Sorted(maps.Keys(f.Hunt.Row)) {
			n.column(strings.ToLower(column), f.Hunt.Row[column])
		}
	}
}

// asker learns who asked for an action, or took it back: a person or an application.
func (n *names) asker(a decided.Action) {
	for _, who := range []string{a.Requestor, a.CancelledBy} {
		if strings.Contains(who, "@") {
			n.user(who)
		} else {
			n.add(app, who)
		}
	}
}

// column learns what stands in a column of a hunt's row, by how the tables of Advanced Hunting call theirs.
func (n *names) column(name, value string) {
	switch {
	case strings.HasSuffix(name, "deviceid"):
		n.add(machineID, value)
	case strings.HasSuffix(name, "devicename"), strings.HasSuffix(name, "computer"), strings.HasSuffix(name, "host"):
		n.host(value)
	case strings.HasSuffix(name, "accountname"), strings.HasSuffix(name, "accountupn"),
		strings.HasSuffix(name, "displayname"), strings.HasSuffix(name, "user"), strings.HasSuffix(name, "username"):
		n.user(value)
	case strings.HasSuffix(name, "domain"):
		n.add(domain, value)
	case strings.HasSuffix(name, "objectid"):
		n.add(account, value)
	}
}

// form is how a name is found in a text, as the group named x.
type form struct {
	kind    kind
	pattern *regexp.Regexp
}

// forms are those that names are found by in texts.
var forms = sync.OnceValue(func() []form {
	const label = `[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?`
	var all []form
	for _, one := range []struct {
		kind    kind
		pattern string
	}{
		{mailbox, `(?P<x>[A-Za-z0-9._%+'-]{1,64}@(?:` + label + `\.)+[A-Za-z]{2,24})`},
		{domain, `://(?:[^/@\s]*@)?(?P<x>(?:` + label + `\.)+[A-Za-z]{2,24})`},
		{domain, `(?i)\b(?P<x>(?:` + label + `\.)+(?:com|net|org|edu|gov|io|local|corp|internal|intra|lan|home))\b`},
		{hostName, `\\\\(?P<x>[A-Za-z0-9][A-Za-z0-9._-]*)\\`},
		{userName, `(?i)(?:\\Users\\|\\Documents and Settings\\)(?P<x>[^\\/:*?"<>|\r\n]+)`},
		{userName, `(?:^|[\s"'=:])/(?:home|Users)/(?P<x>[^/\s"']+)`},
		{sid, `(?P<x>S-1-5-21(?:-[0-9]+){2,})`},
		{sid, `(?P<x>S-1-12-1(?:-[0-9]+){2,})`},
		{account, `(?P<x>[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12})`},
		{address, `(?:^|[^0-9A-Za-z.])(?P<x>(?:[0-9]{1,3}\.){3}[0-9]{1,3})`},
		{address, `(?:^|[^0-9A-Za-z:.])(?P<x>[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7})`},
	} {
		all = append(all, form{one.kind, regexp.MustCompile(one.pattern)})
	}
	return all
})

// collectText learns the names that are known by their form, from every text.
func (n *names) collectText(d *decided.Decision) {
	for _, part := range []any{&d.Facts, &d.Steps} {
		each(reflect.ValueOf(part), "", func(_, text string) string {
			n.find(text)
			return text
		})
	}
}

// find learns the names of one text.
func (n *names) find(text string) {
	for _, f := range forms() {
		at := f.pattern.SubexpIndex("x")
		for _, m := range f.pattern.FindAllStringSubmatch(text, -1) {
			switch f.kind {
			case mailbox, userName:
				n.user(m[at])
			case hostName:
				n.host(m[at])
			default:
				n.add(f.kind, m[at])
			}
		}
	}
}
