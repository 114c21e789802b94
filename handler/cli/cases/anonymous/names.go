package anonymous

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"cordon/handler/playbook/spelling"
)

// kind is what a name names.
type kind int

const (
	machineID kind = iota
	hostName
	userName
	mailbox
	domain
	account // an object of the directory
	sid
	app
	address
)

// names are the names of a decision and their stand-ins.
type names struct {
	standIns map[string]string // by the folded name
	counts   map[kind]int
	patterns []string
	lengths  []int // of the names, the longest first; nil: they have to be counted again
}

// fold is a name as it is compared: without the case of its letters, and as long as it was.
func fold(name string) string {
	folded := []byte(name)
	for i, b := range folded {
		if b >= 'A' && b <= 'Z' {
			folded[i] = b + 'a' - 'A'
		}
	}
	return string(folded)
}

// host learns the name of a machine: its first label, its domain, and both together.
func (n *names) host(name string) {
	name = strings.Trim(name, ". \t")
	if name == "" || isNobody(name) {
		return
	}
	if _, err := netip.ParseAddr(name); err == nil {
		n.add(address, name)
		return
	}
	short, rest, isLong := strings.Cut(name, ".")
	n.label(short, name)
	if isLong {
		n.add(domain, rest)
		n.put(name, n.standIns[fold(short)]+"."+n.replace(rest))
	}
}

// label learns the first label of a machine's name. If the name fits patterns, so does its stand-in.
func (n *names) label(short, whole string) {
	if _, known := n.standIns[fold(short)]; known || isNobody(short) {
		return
	}
	usual := n.number(hostName, short)
	fits := func(pattern string) bool { return spelling.Glob(pattern, short) || spelling.Glob(pattern, whole) }
	for _, pattern := range n.patterns {
		label, _, _ := strings.Cut(pattern, ".")
		filled := strings.NewReplacer("*", usual, "?", "x").Replace(label)
		if fits(pattern) && !strings.EqualFold(label, "*") && !strings.EqualFold(filled, short) {
			usual = filled
			break
		}
	}
	n.put(short, usual)
}

// user learns the name of a person, with the domain that may stand beside it.
func (n *names) user(name string) {
	name = strings.TrimSpace(name)
	before, after, isMailbox := strings.Cut(name, "@")
	if isMailbox && after != "" {
		n.add(userName, before)
		n.add(domain, after)
		n.put(name, n.replace(before)+"@"+n.replace(after))
		return
	}
	before, after, isDown := strings.Cut(name, `\`)
	if isDown {
		n.add(domain, before)
		n.add(userName, after)
		return
	}
	n.add(userName, name)
}

// add learns a name, unless it is nobody's.
func (n *names) add(k kind, name string) {
	name = strings.TrimSpace(name)
	if _, known := n.standIns[fold(name)]; known || name == "" || isNobody(name) {
		return
	}
	n.put(name, n.number(k, name))
}

func (n *names) put(name, standIn string) {
	n.standIns[fold(name)] = standIn
	n.lengths = nil
}

// number makes the next stand-in of a kind.
func (n *names) number(k kind, name string) string {
	if k == address {
		return n.addressOf(name)
	}
	n.counts[k]++
	i := n.counts[k]
	switch k {
	case machineID:
		return fmt.Sprintf("%040x", i)
	case hostName:
		return fmt.Sprintf("machine-%d", i)
	case domain:
		return fmt.Sprintf("domain-%d.example", i)
	case account:
		return fmt.Sprintf("00000000-0000-0000-0000-%012x", i)
	case sid:
		return fmt.Sprintf("S-1-5-21-1-1-1-%d", 1000+i)
	case app:
		return fmt.Sprintf("app-%d", i)
	}
	return fmt.Sprintf("user-%d", i)
}

// addressOf is the stand-in of an address: one that is private stays private, of the same kind. What is no address,
// such as a version, and what is every machine's own stays as it is.
func (n *names) addressOf(name string) string {
	ip, err := netip.ParseAddr(name)
	if err != nil || ip.IsLoopback() || ip.IsUnspecified() || ip.IsMulticast() {
		return name
	}
	n.counts[address]++
	i := n.counts[address]
	low := fmt.Sprintf("%d.%d", i/254%256, i%254+1)
	switch {
	case ip.Is4() && ip.IsPrivate() && ip.As4()[0] == 10:
		return "10.0." + low
	case ip.Is4() && ip.IsPrivate() && ip.As4()[0] == 172:
		return "172.16." + low
	case ip.Is4() && ip.IsPrivate():
		return "192.168." + low
	case ip.Is4():
		return "198.18." + low
	case ip.IsPrivate():
		return fmt.Sprintf("fd00::%x", i)
	case ip.IsLinkLocalUnicast():
		return fmt.Sprintf("fe80::%x", i)
	}
	return fmt.Sprintf("2001:db8::%x", i)
}

// leastInText is how long a name is at least that is replaced inside of a text: shorter ones are words.
const leastInText = 3

// replace puts stand-ins into a text where names stand as whole words.
func (n *names) replace(text string) string {
	folded := fold(text)
	if standIn, whole := n.standIns[strings.TrimSpace(folded)]; whole {
		return standIn
	}
	if n.lengths == nil {
		n.measure()
	}
	var b strings.Builder
	last := rune(' ')
	for at := 0; at < len(text); {
		name := ""
		if !isPart(last) {
			name = n.at(folded[at:])
		}
		if name != "" {
			b.WriteString(n.standIns[name])
			at += len(name)
			last = ' '
			continue
		}
		r, size := utf8.DecodeRuneInString(text[at:])
		b.WriteString(text[at : at+size])
		at += size
		last = r
	}
	return b.String()
}

// at is the longest name that a text begins with, as a whole word.
func (n *names) at(folded string) string {
	for _, length := range n.lengths {
		if length > len(folded) {
			continue
		}
		next, _ := utf8.DecodeRuneInString(folded[length:])
		if _, known := n.standIns[folded[:length]]; known && !(length < len(folded) && isPart(next)) {
			return folded[:length]
		}
	}
	return ""
}

func isPart(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// measure counts how long names are.
func (n *names) measure() {
	n.lengths = []int{}
	for name := range n.standIns {
		if len(name) >= leastInText && !slices.Contains(n.lengths, len(name)) {
			n.lengths = append(n.lengths, len(name))
		}
	}
	slices.Sort(n.lengths)
	slices.Reverse(n.lengths)
}

// nobody are accounts and domains that every machine has, folders that belong to nobody, and domains of the vendor.
func nobody() []string {
	return []string{
		"system", "local system", "local service", "network service", "localservice", "networkservice", "nt authority",
		"nt service", "builtin", "workgroup", "azuread", "administrator", "administrators", "guest", "defaultaccount",
		"wdagutilityaccount", "root", "everyone", "public", "default", "default user", "all users", "localhost",
		".", "?",
		"microsoft.com", "windows.com", "windowsupdate.com", "example.com", "unknown", "n/a", "-",
	}
}

// isNobody reports whether a text names nothing that is anybody's.
func isNobody(name string) bool { return slices.Contains(nobody(), fold(name)) }
