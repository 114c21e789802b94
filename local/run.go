package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"cordon/local/alertsim"
	"cordon/local/defendersim"
	"cordon/local/funchost"
	"cordon/local/judge"
	"cordon/local/scenario"
	"cordon/local/world"
)

// runOptions are the flags of `local run`.
type runOptions struct {
	app      string
	once     bool
	fault    string
	source   string
	playbook string // file to play with; empty: the one of the app, enforcing, with a rule for the hunt
	addr     string
	seed     uint64
	verbose  bool
	out      io.Writer
}

// settleTime is how long the handler may take, after the last alert, to answer what is open.
const settleTime = 60 * time.Second

// run plays the scenario and judges it; without once it goes on serving until the context ends.
func (o *runOptions) run(ctx context.Context) error {
	if err := o.check(ctx); err != nil {
		return err
	}
	playbook, err := o.rules()
	if err != nil {
		return err
	}
	s := scenario.Standard(o.seed)
	if o.source != world.OnlyDefender {
		s = s.WithGraph()
	}
	m := &meddler{name: o.fault, scenario: s}
	e, err := o.start(s, m, playbook)
	if err != nil {
		return err
	}
	defer e.Close()
	if o.playbook == "" {
		if err := prepareHunt(e); err != nil {
			return err
		}
	}
	host, err := funchost.Start(ctx, o.host(e))
	if err != nil {
		return err
	}
	defer host.Close()
	o.say("Cordon against stand-ins on this machine: Functions host, Service Bus, Tables, Defender, Graph, Entra and " +
		"SMTP.\nAlerts are read from " + readFrom(o.source) + ".\n" +
		"Other than in Azure: polls every second instead of every minute, mails after 2 s instead of 30 s, machines " +
		"answer in seconds.")
	if err := o.looked(ctx, e); err != nil {
		return err
	}
	showHunted(e, s, time.Now().Add(5*time.Second))
	p := &play{
		World:    e,
		scenario: s,
		meddler:  m,
		begun:    time.Now(),
		front:    host.Addr(),
		judged:   o.playbook == "",
	}
	shown := newProgress(o.out, colourful(o.out), s, p.begun)
	shown.header()
	p.everything(ctx, shown.show)
	if ctx.Err() != nil {
		return ctx.Err() // what was not played whole is not judged
	}
	return o.conclude(ctx, p, shown)
}

// lookTime is how long the app may take until it has looked at its tenant.
const lookTime = 30 * time.Second

// looked waits until the app has looked at its tenant, and run its hunt: what was there before it would not touch.
func (o *runOptions) looked(ctx context.Context, w *world.World) error {
	wait, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	if !until(wait, 100*time.Millisecond, func() bool {
		return !w.Beginning().IsZero() && (o.playbook != "" || w.HuntRan(huntName))
	}) {
		return errors.Join(ctx.Err(), fmt.Errorf("the app has not looked at its tenant within %s", lookTime))
	}
	return nil
}

// check refuses what does not go together, and a playbook that the handler would not start with.
func (o *runOptions) check(ctx context.Context) error {
	if err := errors.Join(checkFault(o.fault), world.CheckSource(o.source)); err != nil {
		return err
	}
	if o.playbook == "" {
		return nil
	}
	if o.once || o.fault != "" {
		return errors.New("the promises are those of the playbook in the app: a playbook of your own is played, and " +
			"not judged, so leave out ONCE and FAULT")
	}
	said, err := exec.CommandContext(ctx, filepath.Join(o.app, "cordon"), "check", o.playbook).CombinedOutput()
	if err != nil {
		return fmt.Errorf("the playbook cannot be played: %s", bytes.TrimSpace(said))
	}
	return nil
}

// rules is the text of the playbook to play with.
func (o *runOptions) rules() (string, error) {
	if o.playbook != "" {
		text, err := os.ReadFile(o.playbook)
		return string(text), err
	}
	playbook, err := world.Enforcing(o.app)
	if err != nil {
		return "", err
	}
	return withHunt(playbook)
}

// start brings the world up.
func (o *runOptions) start(s scenario.Scenario, m *meddler, playbook string) (*world.World, error) {
	front := ""
	if !o.once {
		var err error
		if front, err = frontAddress(o.addr); err != nil {
			return nil, err
		}
	}
	w, err := world.Start(world.Options{
		Addr:          front,
		Defender:      simOptions(),
		Alerts:        alertsim.Options{Lag: graphLag, Amend: alsoOn(s)},
		Fresh:         true,
		Source:        o.source,
		Playbook:      playbook,
		Between:       m.between,
		BetweenAlerts: m.between,
	})
	return w, busy(front, err)
}

// conclude says whether every promise held, and serves people unless it was once.
func (o *runOptions) conclude(ctx context.Context, p *play, shown *progress) error {
	if !p.judged {
		o.say("\n  The promises are those of the playbook in the app: this one is not judged.")
		return o.serve(ctx, p, shown)
	}
	verdict := judge.Judge(p.evidence())
	if o.once {
		for _, problem := range verdict.Problems {
			fmt.Fprintln(os.Stderr, "broken:", problem)
		}
		if err := json.NewEncoder(o.out).Encode(verdict); err != nil {
			return err
		}
	} else {
		shown.summary(verdict)
		if err := o.serve(ctx, p, shown); err != nil {
			return err
		}
	}
	if len(verdict.Problems) > 0 {
		return errBroken
	}
	return nil
}

func (o *runOptions) say(text string) { fmt.Fprintln(o.out, text) }

// host are the options of the Functions host: one process per scale group as on Flex Consumption, RespondToAlert twice.
func (o *runOptions) host(w *world.World) funchost.Options {
	h := w.Host(o.app)
	show := func(l funchost.Line) { fmt.Fprintf(os.Stderr, "[%s/%d] %s\n", l.Group, l.Instance, l.Text) }
	h.Stderr = show
	if o.verbose {
		h.Stdout = show
	}
	h.Logf = func(format string, args ...any) { fmt.Fprintf(os.Stderr, "host: "+format+"\n", args...) }
	h.Instances, h.Seed = map[string]int{"RespondToAlert": 2}, o.seed
	switch o.fault {
	case "drop-push":
		h.Broker = &leaky{h.Broker, "pushed"}
	case "lose-finding":
		h.Broker = &leaky{h.Broker, "hunt"}
	}
	return h
}

// serve keeps everything up for people until the context ends, and shows what becomes of runs meanwhile.
func (o *runOptions) serve(ctx context.Context, p *play, shown *progress) error {
	inbox, err := p.Serve(p.Mail.Handler(), nil)
	if err != nil {
		return err
	}
	tenant, err := p.Serve(p.Defender.Page(), nil)
	if err != nil {
		return err
	}
	signIn, err := writeShells(p.World, o.app)
	if err != nil {
		return err
	}
	fmt.Fprintf(o.out, "\n  console        %s%s\n  host's front   %[1]s/api/health\n  inbox          %[3]s/\n"+
		"  tenant         %s/\n\n%s\n\n"+
		"To try the commands of docs/on-call.md, sign another shell in as the operator, or as reader or approver:\n\n"+
		"%s\n\nCtrl-C ends it.\n", p.AppURL, "/api/console", inbox, tenant, whoSignsIn(), signIn)
	until(ctx, 500*time.Millisecond, func() bool {
		shown.show(p.Runs())
		return false
	})
	return nil
}

// whoSignsIn says who can sign in to the console.
func whoSignsIn() string {
	var can, cannot []string
	for _, p := range scenario.People() {
		if len(p.Roles) == 0 {
			cannot = append(cannot, p.Username)
			continue
		}
		can = append(can, p.Username)
	}
	return fmt.Sprintf("The console lets in %s, and not %s. The browser warns of the stand-in of Entra, whose certificate "+
		"nobody\nknows: go on there, and choose who you are. No password is asked for.",
		strings.Join(can, ", "), strings.Join(cannot, ", "))
}

// readFrom says where alerts are read.
func readFrom(source string) string {
	switch source {
	case "graph":
		return "Graph"
	case "both":
		return "Defender and from Graph"
	}
	return "Defender"
}

// graphLag is how long ago the alerts were as Graph shows them.
const graphLag = 500 * time.Millisecond

// alsoOn has Graph name the second machine of an alert that has one.
func alsoOn(s scenario.Scenario) func(*alertsim.Alert) {
	return func(shown *alertsim.Alert) {
		for _, a := range s.Alerts {
			if a.ID != shown.ProviderID || a.AlsoOn == "" {
				continue
			}
			m := machineOf(s.Machines[slices.IndexFunc(s.Machines, func(m scenario.Machine) bool { return m.ID == a.AlsoOn })])
			shown.Evidence = append(shown.Evidence, alertsim.Device(m, shown.Created, false))
		}
	}
}

// simOptions make the tenant quick: machines answer within seconds, the offline one never. The hourly quota is left
// out, because polling every second would use it up while people look around.
func simOptions() defendersim.Options {
	return defendersim.Options{ListLag: 300 * time.Millisecond, Quotas: &defendersim.Quotas{PerMinute: 100}}
}

// colourful reports whether out is a terminal that people look at.
func colourful(out io.Writer) bool {
	file, ok := out.(*os.File)
	if !ok || os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
