package call

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spf13/cobra"
)

// watching runs Watch over what is seen, one look after the other: a text, an error, or the end.
func watching(t *testing.T, asJSON bool, seen ...any) (out, errs string, took time.Duration, err error) {
	var stdout, stderr bytes.Buffer
	cmd := &cobra.Command{}
	cmd.SetContext(t.Context())
	cmd.SetOut(&stdout)
	cmd.SetErr(&stderr)
	o := &Operator{JSON: asJSON, Program: Program{Getenv: func(string) string { return "" }}}
	began, looks := time.Now(), 0
	err = o.Watch(cmd, func(context.Context) (Look, error) {
		is := seen[min(looks, len(seen)-1)]
		looks++
		if trouble, isError := is.(error); isError {
			return Look{}, trouble
		}
		return Look{
			Value: is,
			Done:  looks >= len(seen),
			Print: func(w io.Writer) error { return Say(w, "%s", is) },
		}, nil
	})
	return stdout.String(), stderr.String(), time.Since(began), err
}

func TestWatchShowsWhatChangesUntilThereIsNothingToWaitFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		out, _, took, err := watching(t, false, "pending", "pending", "in progress", "in progress", "done")
		if err != nil || strings.Count(out, "pending") != 1 || strings.Count(out, "in progress") != 1 ||
			!strings.HasSuffix(out, "\ndone\n") || took != 4*watchEvery {
			t.Errorf("%q after %s, %v", out, took, err)
		}
		out, _, _, err = watching(t, true, "pending", "pending", "done")
		if err != nil || out != "\"pending\"\n\"done\"\n" {
			t.Errorf("%q, %v", out, err)
		}
	})
}

func TestWatchSurvivesLooksThatFailButNotForEver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		trouble := errors.New("the app does not answer")
		out, errs, _, err := watching(t, false, "pending", trouble, trouble, "done")
		if err != nil || !strings.Contains(out, "done") || strings.Count(errs, "looking again") != 2 {
			t.Errorf("%q %q, %v", out, errs, err)
		}
		if _, _, took, err := watching(t, false, trouble, "done"); !errors.Is(err, trouble) || took > 0 {
			t.Errorf("the first look failed: %v after %s", err, took)
		}
		if _, _, took, err := watching(t, false, "pending", trouble); !errors.Is(err, trouble) ||
			took != failedLooks*watchEvery {
			t.Errorf("all others failed: %v after %s", err, took)
		}
	})
}

func TestAgesAreInTheirLargestUnit(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	clock := Clock{Now: noon, Zone: time.FixedZone("", 2*60*60)}
	for ago, want := range map[time.Duration]string{
		0:                  "0 s",
		59 * time.Second:   "59 s",
		61 * time.Second:   "1 min",
		47 * time.Hour:     "47 h",
		49 * time.Hour:     "2 d",
		-90 * time.Minute:  "in 1 h",
		-165 * time.Hour:   "in 7 d",
		-147 * time.Hour:   "in 6 d",
		-170 * time.Second: "in 2 min",
	} {
		if got := clock.Age(noon.Add(-ago)); got != want {
			t.Errorf("%s ago is %q, want %q", ago, got, want)
		}
	}
	if got := clock.Age(time.Time{}) + clock.Stamp(time.Time{}); got != "" {
		t.Errorf("no time is %q", got)
	}
	if got := clock.Stamp(noon); got != "2026-03-02 14:00:00 +02:00" {
		t.Errorf("noon is %q", got)
	}
	there := Program{Getenv: func(string) string { return "America/Sao_Paulo" }}.Clock()
	if got := there.Stamp(noon); got != "2026-03-02 09:00:00 -03:00" {
		t.Errorf("noon is %q there", got)
	}
}

func TestAnIDIsCutOnlyAsFarAsItIsToldApart(t *testing.T) {
	t.Parallel()
	short := Short([]string{"1e5bc9d7e413", "1e5bc9d7e4ff", "72c2932e4187", "abc", "1e5bc9d7e413"})
	for id, want := range map[string]string{
		"1e5bc9d7e413": "1e5bc9d7e41",
		"1e5bc9d7e4ff": "1e5bc9d7e4f",
		"72c2932e4187": "72c2932e418",
		"abc":          "abc",
	} {
		if got := short(id); got != want {
			t.Errorf("%s is shown as %s, want %s", id, got, want)
		}
	}
}
