package runs

import "strings"

// What people were told of the steps of an alert's runs is kept with the runs, in order. Each piece of news is a text
// without blanks that says what it is about, a step on a machine, then "=", then what was said of it; it is the same if
// a later version of the alert makes the same.

// Tell notes what people were told. What was told of the same last is no news.
func (r *Run) Tell(news ...string) {
	for _, one := range news {
		last := ""
		for _, told := range strings.Fields(r.Told) {
			if sameSubject(told, one) {
				last = told
			}
		}
		if last != one {
			r.Told = strings.TrimSpace(r.Told + " " + one)
		}
	}
}

// Told reports whether people know some news from the versions before the run's: it is what they were told last about
// its subject, under the same playbook. times is how often they were told it before that with something else told after
// it; it is the same however often the run is answered.
func (r Record) Told(run Run, news string) (known bool, times int) {
	last, book := "", ""
	for _, earlier := range r.Runs {
		if earlier.Version >= run.Version {
			continue
		}
		for _, told := range strings.Fields(earlier.Told) {
			if !sameSubject(told, news) {
				continue
			}
			if last == news && told != news {
				times++
			}
			last, book = told, earlier.Book
		}
	}
	return last == news && book == run.Book, times
}

func sameSubject(a, b string) bool {
	subject, _, _ := strings.Cut(a, "=")
	return strings.HasPrefix(b, subject+"=")
}
