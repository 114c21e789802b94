// Package chaos proves that nothing is lost and nothing is done twice, whatever dies. It plays one small scenario with
// the real binary again and again, under the host's side of the protocol and against every stand-in, and each time
// strikes once: at the k-th thing that a function sends over one boundary. Afterwards the promises are held against
// what the stand-ins recorded; what the handler says of itself does not count.
//
// The handler is never told: proxies between its processes and the stand-ins count and strike.
package chaos

import (
	"fmt"
	"slices"
	"strings"
)

// Boundary is one way out of the handler's processes.
type Boundary string

// The boundaries. What is counted is in brackets.
const (
	Defender   Boundary = "defender"   // the Defender API (HTTP requests)
	Graph      Boundary = "graph"      // Microsoft Graph, for its alerts (HTTP requests)
	Entra      Boundary = "entra"      // tokens, over TLS (HTTP requests)
	Tables     Boundary = "tables"     // the ledger (HTTP requests)
	Transfers  Boundary = "transfers"  // messages to a queue (AMQP transfers; a batch is one)
	Management Boundary = "management" // requests to a queue's $management (AMQP transfers)
	Claims     Boundary = "claims"     // tokens put to $cbs (AMQP transfers)
	// settlements of queue messages, which the host sends when a function has answered
	Dispositions Boundary = "dispositions"
	SMTP         Boundary = "smtp" // commands to the mail server; the content of a mail is one
)

// Boundaries lists all of them, in the order of the table.
func Boundaries() []Boundary {
	return []Boundary{Defender, Graph, Entra, Tables, Transfers, Management, Claims, Dispositions, SMTP}
}

// Kind is what happens to the k-th thing.
type Kind string

// The kinds. The zero value is that nothing happens.
const (
	Before Kind = "before" // the process is killed, and the thing never served
	Served Kind = "served" // it is served, and the process killed before the answer
	Lost   Kind = "lost"   // it is served, and the connection reset instead of an answer; the process lives
	// The two orderly ends of a host begin with the thing, which is served and answered meanwhile. Work in flight goes
	// on to its end, and its messages are given back although it succeeded; then the processes end, and a new host
	// starts.
	Stopped Kind = "stopped" // the host is stopped
	Drained Kind = "drained" // the host is drained, then stopped
)

// Kinds lists all of them.
func Kinds() []Kind { return []Kind{Before, Served, Lost, Stopped, Drained} }

// orderly reports whether the kind ends the host in order instead of breaking something off.
func (k Kind) orderly() bool { return k == Stopped || k == Drained }

// Site is where something is sent from: a boundary, and the function whose process sends. By is empty for any function.
type Site struct {
	Boundary Boundary
	By       string
}

// Point is one place to strike and the way to do it. The zero value strikes nowhere.
type Point struct {
	Site
	K    int // counted from 1
	Kind Kind
	// WithHost kills every process and the host with it: nothing in flight is settled, locks lapse. Without it only the
	// process that sent dies, and the host gives its messages back at once. Lost kills nobody, and the orderly ends are
	// always the host's, so they have no such form.
	WithHost bool
}

// check says what is wrong with a point that a person asked for.
func (p Point) check() error {
	switch {
	case !slices.Contains(Boundaries(), p.Boundary):
		return fmt.Errorf("there is no boundary %q; there are %s", p.Boundary, join(Boundaries()))
	case !slices.Contains(Kinds(), p.Kind):
		return fmt.Errorf("there is no kind %q; there are %s", p.Kind, join(Kinds()))
	case p.K < 1:
		return fmt.Errorf("k is %d; it counts from 1", p.K)
	case p.Kind == Lost && p.WithHost:
		return fmt.Errorf("kind %q kills nobody, so it cannot be had with the host", Lost)
	case p.Kind.orderly() && p.WithHost:
		return fmt.Errorf("kind %q is of the whole host already; leave --with-host out", p.Kind)
	}
	return nil
}

func join[T ~string](list []T) string {
	texts := make([]string, 0, len(list))
	for _, one := range list {
		texts = append(texts, string(one))
	}
	return strings.Join(texts, ", ")
}

func (p Point) String() string {
	if p.Kind == "" {
		return "undisturbed"
	}
	text := fmt.Sprintf("%s %d of %s, %s", p.Boundary, p.K, p.By, p.Kind)
	if p.By == "" {
		text = fmt.Sprintf("%s %d, %s", p.Boundary, p.K, p.Kind)
	}
	if p.WithHost {
		text += ", with the host"
	}
	return text
}

// flags are the command line's way to say the point.
func (p Point) flags() string {
	if p.Kind == "" {
		return "--undisturbed"
	}
	text := fmt.Sprintf("--boundary %s --k %d --kind %s", p.Boundary, p.K, p.Kind)
	if p.By != "" {
		text += " --by " + p.By
	}
	if p.WithHost {
		text += " --with-host"
	}
	return text
}

// file is a name for what is kept of a run.
func (p Point) file() string {
	if p.Kind == "" {
		return "undisturbed"
	}
	text := fmt.Sprintf("%s-%s-%d-%s", p.Boundary, p.By, p.K, p.Kind)
	if p.WithHost {
		text += "-with-host"
	}
	return text
}

// ways lists every form of striking at one place: two kinds that kill, each with and without the host, one that kills
// nobody, and the orderly ends.
func ways(s Site, k int) []Point {
	return []Point{
		{Site: s, K: k, Kind: Before}, {Site: s, K: k, Kind: Before, WithHost: true},
		{Site: s, K: k, Kind: Served}, {Site: s, K: k, Kind: Served, WithHost: true},
		{Site: s, K: k, Kind: Lost},
		{Site: s, K: k, Kind: Stopped}, {Site: s, K: k, Kind: Drained},
	}
}
