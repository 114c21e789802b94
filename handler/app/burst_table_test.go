package app

import (
	"fmt"
	"math"
	"strings"
	"text/tabwriter"
	"time"
)

// row is a line of the table: a figure of ours, the naive flow's, and what ours may be at most.
type row struct {
	what          string
	ours          float64
	naive         string
	least, budget float64 // NaN: printed only
	formula       string
}

func (r row) over() bool { return r.ours > r.budget || r.ours < r.least }

func exact(what string, ours float64, naive any, want float64, formula string) row {
	return row{what, ours, fmt.Sprint(naive), want, want, formula}
}

func noMore(what string, ours float64, naive any, budget float64, formula string) row {
	return row{what, ours, fmt.Sprint(naive), math.Inf(-1), budget, formula}
}

func shown(what string, ours float64, naive any, formula string) row {
	return row{what, ours, fmt.Sprint(naive), math.NaN(), math.NaN(), formula}
}

// slower is how much longer than the quota's floor a burst may take.
const slower = 1.1

func freeRows(ours, naive outcome) []row {
	d := len(ours.targets("High"))
	minutes := math.Ceil(ours.ended.Sub(ours.began).Minutes())
	budget := float64(d) + 2*minutes*burstInstances + 3
	return []row{
		noMore("Defender calls",
			float64(len(ours.calls)), len(naive.calls), budget,
			fmt.Sprintf("D + 2·minutes·instances + 3 = %d + 2·%.0f·%d + 3", d, minutes, burstInstances)),
		exact("  isolations", float64(ours.count(isolateEndpoint)), naive.count(isolateEndpoint), float64(d), "D"),
		exact("  single reads",
			float64(ours.count(alertEndpoint, machineEndpoint)), naive.count(alertEndpoint, machineEndpoint), 0, "0"),
		exact("alerts without a recorded answer", float64(ours.unanswered()), "-", 0, "0"),
		shown("mails",
			float64(ours.mails), naive.mails,
			"ours: the request and the outcome of each machine; naive: the request of each alert"),
	}
}

const (
	alertEndpoint   = "GET /api/alerts/{id}"
	machineEndpoint = "GET /api/machines/{id}"
)

func quotaRows(ours, naive outcome) []row {
	high := ours.targets("High")
	d := float64(len(high))
	floor := quotaFloor(len(high), 0, ours.quotas).Seconds()
	accepted, _, _ := ours.isolations()
	least, most := ours.perMachine(high)
	naivePosts, _, _ := naive.isolations()
	return []row{
		exact("isolations", float64(ours.count(isolateEndpoint)), naive.count(isolateEndpoint), d, "D"),
		noMore("alert reads", float64(ours.count(alertEndpoint)), naive.count(alertEndpoint), d, "D"),
		noMore("machine reads", float64(ours.count(machineEndpoint)), naive.count(machineEndpoint), d, "D"),
		exact("calls answered 429", float64(ours.overQuota()), naive.overQuota(), 0, "0"),
		exact("isolations per target",
			float64(accepted)/d, fmt.Sprintf("%.2f", float64(naivePosts)/d), 1, "accepted / D"),
		exact("  fewest on one", float64(least), "-", 1, "1"),
		exact("  most on any machine", float64(most), "-", 1, "1"),
		noMore("seconds until contained",
			lastOf(ours.contained(high)), fmt.Sprintf("%.1f", lastOf(naive.contained(high))), slower*floor,
			fmt.Sprintf("%.1f · floor; floor of D = %.0f calls at 100/min, 1,500/h = %.0f s", slower, d, floor)),
		exact("alerts without a recorded answer", float64(ours.unanswered()), "-", 0, "0"),
	}
}

// orderRows are those of a playbook that isolates Medium too.
func orderRows(ours outcome) []row {
	high, all := ours.targets("High"), ours.targets("High", "Medium")
	low := map[string]bool{}
	for m := range all {
		low[m] = !high[m]
	}
	floor, lowFloor := quotaFloor(len(high), 0, ours.quotas).Seconds(), quotaFloor(len(high), len(all)-len(high),
		ours.quotas).Seconds()
	lastHigh := lastOf(ours.contained(high))
	before := 0
	for _, at := range ours.contained(low) {
		if at.Seconds() < lastHigh {
			before++
		}
	}
	accepted, _, _ := ours.isolations()
	return []row{
		noMore("seconds until High is contained",
			lastHigh, "-", slower*floor,
			fmt.Sprintf("%.1f · floor of %d High = %.1f · %.0f s", slower, len(high), slower, floor)),
		exact("  Medium isolated before that", float64(before), "-", 0, "0"),
		noMore(
			"seconds until Medium is contained",
			lastOf(ours.contained(low)),
			"-",
			slower*lowFloor,
			fmt.Sprintf("%.1f · floor of %d more at 80/min = %.1f · %.0f s",
				slower, len(all)-len(high), slower, lowFloor),
		),
		exact("isolations per target",
			float64(accepted)/float64(len(all)), "-", 1, fmt.Sprintf("accepted / %d", len(all))),
		noMore("alert reads",
			float64(ours.count(alertEndpoint)), "-", float64(len(all)),
			"targets; only snapshots older than CORDON_SNAPSHOT_MAX_AGE"),
		noMore("machine reads", float64(ours.count(machineEndpoint)), "-", float64(len(all)), "the same"),
		exact("calls answered 429", float64(ours.overQuota()), "-", 0, "0"),
		exact("alerts without a recorded answer", float64(ours.unanswered()), "-", 0, "0"),
	}
}

func sharedRows(ours, naive outcome) []row {
	high := ours.targets("High")
	floor := quotaFloor(len(high)+3, 0, ours.quotas).Seconds()
	accepted, _, _ := ours.isolations()
	naivePosts, _, _ := naive.isolations()
	return []row{
		shown("Defender calls", float64(len(ours.calls)), len(naive.calls), "with those that were refused"),
		shown("  answered 429",
			float64(ours.overQuota()), naive.overQuota(),
			"lists and isolations use up one bucket, of which nobody is told"),
		exact("isolations per target",
			float64(accepted)/float64(len(high)), fmt.Sprintf("%.2f", float64(naivePosts)/float64(len(high))), 1,
			"accepted / D"),
		noMore("seconds until contained",
			lastOf(ours.contained(high)), fmt.Sprintf("%.1f", lastOf(naive.contained(high))), slower*floor,
			fmt.Sprintf("%.1f · floor; floor of D + 3 lists = %d calls = %.0f s", slower, len(high)+3, floor)),
		exact("alerts without a recorded answer", float64(ours.unanswered()), "-", 0, "0"),
	}
}

func lastOf(times []time.Duration) float64 {
	if len(times) == 0 {
		return 0
	}
	return times[len(times)-1].Seconds()
}

// layOut lays the rows out under a heading.
func layOut(out *strings.Builder, heading string, rows []row) {
	fmt.Fprintf(out, "\n%s\n", heading)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "  what\tCordon\tnaive\tbudget\tformula and inputs")
	for _, r := range rows {
		budget := "-"
		switch {
		case r.least == r.budget:
			budget = figure(r.budget)
		case r.budget == r.budget:
			budget = "≤ " + figure(r.budget)
		}
		if r.over() {
			budget += "  MISSED"
		}
		fmt.Fprintf(w, "  %s\t%s\t%s\t%s\t%s\n", r.what, figure(r.ours), r.naive, budget, r.formula)
	}
	_ = w.Flush() // into memory
}

func figure(f float64) string { return strings.TrimSuffix(fmt.Sprintf("%.2f", f), ".00") }
