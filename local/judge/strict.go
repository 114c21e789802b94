package judge

import "strings"

// strictly asks for what is so where no machine is offline and nobody meddles: one run a version and none left to a
// person, one accepted isolation a machine, every machine isolated, no mail twice without need, no dead letter.
func (j *judge) strictly() {
	j.versions()
	j.deeds()
	j.repeats()
	for _, dead := range j.Dead {
		j.lost("a dead letter: %s", dead)
	}
}

// versions asks that no version was answered that never was, or given up.
func (j *judge) versions() {
	known := map[string]int{}
	for _, a := range j.Alerts {
		known[a.ID] = a.Versions
	}
	for _, r := range j.Runs {
		if r.Version < 1 || r.Version > known[r.AlertID] {
			j.lost("there is a run of version %d of alert %s, which never was", r.Version, r.AlertID)
		}
		if r.State == "parked" {
			j.problem("version %d of alert %s is left to a person: %s", r.Version, r.AlertID, r.Reason)
		}
	}
}

// deeds counts what was done to machines.
func (j *judge) deeds() {
	due := j.reissues()
	for id := range j.needed {
		accepted, made, isolated := 0, 0, false
		for _, c := range j.Calls {
			if c.isolates() && c.Status < 300 && strings.HasSuffix(c.Path, "/"+id+"/isolate") {
				accepted++
			}
		}
		for _, a := range j.Actions {
			if a.MachineID == id && a.Type == "Isolate" {
				made++
				isolated = isolated || a.final() == "Succeeded"
			}
		}
		for range max(accepted, made) - 1 - due[id] {
			j.v.Doubled++
			j.problem("machine %s: %d isolate requests were accepted and made %d actions", j.machines[id].Name,
				accepted, made)
		}
		if !isolated {
			j.v.Missing++
			j.problem("machine %s is not isolated", j.machines[id].Name)
		}
	}
	for _, a := range j.Actions {
		if a.Type != "Isolate" {
			j.v.Doubled++
			j.problem("action %s of type %s, which nobody asked for", a.ID, a.Type)
		}
	}
}

// repeats counts mails that came twice. The same Message-ID twice is allowed if the answer to the first was lost.
func (j *judge) repeats() {
	came := map[string]int{}
	for _, m := range j.Mails {
		came[m.ID]++
	}
	for id, n := range came {
		allowed := j.Unheard[id]
		j.v.Repeated += min(n-1, allowed)
		for range n - 1 - allowed {
			j.v.Again++
			j.problem("mail %s came %d times, and its answer was lost %d times", id, n, allowed)
		}
	}
}
