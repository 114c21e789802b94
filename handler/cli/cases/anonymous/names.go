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
	// begins are the lengths of the names that begin alike, the longest first; nil: they have to be measured.
	begins map[string][]int
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
	_, err := netip.ParseAddr(name)
	if err == nil {
		n.add(address, name)
		return
	}
	short, rest, isLong := strings.Cut(name, ".")
	n.label(short, name)
	if !isLong {
		return
	}
	n.add(domain, rest)
	whole := n.standIn(short) + "." + n.standIn(rest)
	n.put(name, whole)
}

// label learns the first label of a machine's name. If the name fits patterns, so does its stand-in.
func (n *names) label(short, whole string) {
	if n.knows(short) || isNobody(short) {
		return
	}
	usual := n.number(hostName, short)
	filler := strings.NewReplacer("*", usual, "?", "x")
	for _, pattern := range n.patterns {
		fits := spelling.Glob(pattern, short) ||
			spelling.Glob(pattern, whole)
		label, _, _ := strings.Cut(pattern, ".")
		filled := filler.Replace(label)
		tells := label != "*" && !strings.EqualFold(filled, short)
		if fits && tells {
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
		whole := n.standIn(before) + "@" + n.standIn(after)
		n.put(name, whole)
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
	if name == "" ||
		n.knows(name) ||
		isNobody(name) {
		return
	}
	standIn := n.number(k, name)
	n.put(name, standIn)
}

// standIn is the stand-in of a name; the name itself if it is nobody's.
func (n *names) standIn(name string) string {
	standIn, known := n.standIns[fold(name)]
	if !known {
		return name
	}
	return standIn
}

func (n *names) knows(name string) bool {
	_, known := n.standIns[fold(name)]
	return known
}

func (n *names) put(name, standIn string) {
	n.standIns[fold(name)] = standIn
	n.begins = nil
}

// number makes the next stand-in of a kind.
func (n *names) number(k kind, name string) string {
	if k == address {
		return n.addressOf(name)
	}
	n.counts[k]++
	return fmt.Sprintf(k.form(), n.counts[k])
}

// form is how the stand-ins of a kind are numbered.
func (k kind) form() string {
	switch k {
	case machineID:
		return "%040x"
	case hostName:
		return "machine-%d"
	case domain:
		return "domain-%d.example"
	case account:
		return "00000000-0000-0000-0000-%012x"
	case sid:
		return "S-1-5-21-1-1-1-%d"
	case app:
		return "app-%d"
	}
	return "user-%d"
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
	if ip.Is4() {
		const hosts = 254
		return fmt.Sprintf("%s.%d.%d", networkOf(ip), i/hosts%256, i%hosts+1)
	}
	prefix := "2001:db8"
	switch {
	case ip.IsPrivate():
		prefix = "fd00"
	case ip.IsLinkLocalUnicast():
		prefix = "fe80"
	}
	return fmt.Sprintf("%s::%x", prefix, i)
}

// networkOf is the network of the stand-ins for an IPv4 address.
func networkOf(ip netip.Addr) string {
	first := ip.As4()[0]
	switch {
	case !ip.IsPrivate():
		return "198.18"
	case first == 10:
		return "10.0"
	case first == 172:
		return "172.16"
	}
	return "192.168"
}

// How long a name is that is replaced inside of a text, in bytes: shorter ones are words, longer ones are nobody's.
const (
	leastInText = 2
	mostInText  = 256
)

// replace puts stand-ins into a text where names stand as whole words.
func (n *names) replace(text string) string {
	folded := fold(text)
	standIn, whole := n.standIns[strings.TrimSpace(folded)]
	if whole {
		return standIn
	}
	if n.begins == nil {
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
	if len(folded) < leastInText {
		return ""
	}
	for _, length := range n.begins[folded[:leastInText]] {
		if length > len(folded) {
			continue
		}
		name, rest := folded[:length], folded[length:]
		next, _ := utf8.DecodeRuneInString(rest)
		goesOn := rest != "" && isPart(next)
		_, known := n.standIns[name]
		if known && !goesOn {
			return name
		}
	}
	return ""
}

func isPart(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsDigit(r)
}

// measure notes how names begin that may stand in texts.
func (n *names) measure() {
	n.begins = map[string][]int{}
	for name := range n.standIns {
		length := len(name)
		if length < leastInText || length > mostInText {
			continue
		}
		beginning := name[:leastInText]
		lengths := n.begins[beginning]
		if !slices.Contains(lengths, length) {
			n.begins[beginning] = append(lengths, length)
		}
	}
	for _, lengths := range n.begins {
		slices.Sort(lengths)
		slices.Reverse(lengths)
	}
}

// nobody are accounts and domains that every machine has, folders that belong to nobody, and domains of the vendor.
func nobody() []string {
	return []string{
		"system",
		"local system",
		"local service",
		"network service",
		"localservice",
		"networkservice",
		"nt authority",
		"nt service",
		"builtin",
		"workgroup",
		"azuread",
		"administrator",
		"administrators",
		"guest",
		"defaultaccount",
		"wdagutilityaccount",
		"root",
		"everyone",
		"public",
		"default",
		"default user",
		"all users",
		"localhost",
		"microsoft.com",
		"windows.com",
		"windowsupdate.com",
		"example.com",
		"unknown",
		"n/a",
		"-",
		".",
		"?",
	}
}

// isNobody reports whether a text names nothing that is anybody's.
func isNobody(name string) bool {
	return slices.Contains(nobody(), fold(name))
}
