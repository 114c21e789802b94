package respond_test

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/internal/world"
	"cordon/handler/playbook"
)

// hundredRules is a playbook of 100 different rules, of which the last one matches.
func hundredRules() string {
	var b strings.Builder
	b.WriteString("version: 1\nmode: enforce\nrules:\n")
	for i := range 99 {
		fmt.Fprintf(&b,
			"  - {name: r%d, on: alert, when: 'alert.severity == \"High\" && alert.category == \"Category%d\" && "+
				"machine.osPlatform == \"Windows11\"', do: [mail: {}]}\n", i, i)
	}
	b.WriteString("  - {name: contain, on: alert, when: alert.severity == \"High\", do: [isolate: {type: Full}, " +
		"mail: {}]}\nlimits: {isolate: {perHour: 10000, perDay: 10000}}\n")
	return b.String()
}

// cpu is the processor time that this process has used.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkShareOfARule measures what 100 rules cost of one whole invocation: from the message to the request and the
// record, over the real client of the tables and the stand-in without a network. Share = CPU time of deciding with 100
// rules / CPU time of the invocation that decides with them; both in one run. The rules are compiled before it.
func BenchmarkShareOfARule(b *testing.B) {
	t := &testing.T{}
	w := world.NewWorldWith(t, hundredRules())
	p := w.Start(-1, false)
	w.AlertOn("warm", "mwarm", alert.High)
	w.Drain(p, 5)
	in := playbook.Input{Alert: w.Alerts["warm"], Now: w.Clock(), Ceiling: playbook.Enforce, StaleAfter: time.Hour}
	m := w.Machines["mwarm"]
	in.Machine = &m
	const decisions = 100
	var whole, deciding time.Duration
	n := 0
	for b.Loop() {
		n++
		id := fmt.Sprintf("da%d", n)
		w.AlertOn(id, "m"+id, alert.High)
		message, _ := w.Take()
		body := message.Message.Encode()
		began := cpu(b)
		if err := p.Responder.Respond(b.Context(), body, 1); err != nil {
			b.Fatal(err)
		}
		whole += cpu(b) - began
		began = cpu(b)
		for range decisions {
			if w.Book.Decide(in).Rule != "contain" {
				b.Fatal("another rule decides")
			}
		}
		deciding += (cpu(b) - began) / decisions
	}
	if w.Posts != n+1 {
		b.Fatalf("%d isolations of %d", w.Posts, n+1)
	}
	b.ReportMetric(float64(whole.Microseconds())/float64(n), "invocation-cpu-us")
	b.ReportMetric(float64(deciding.Nanoseconds())/float64(n)/1000, "100-rules-cpu-us")
	b.ReportMetric(100*float64(deciding)/float64(whole), "share-%")
	b.ReportMetric(0, "ns/op") // of all together: says nothing
}
