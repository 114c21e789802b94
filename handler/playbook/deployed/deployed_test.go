package deployed

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cordon/handler/outgoing/outgoingtest"
	"cordon/handler/playbook"
	"cordon/handler/playbook/playbooktest"
)

func TestEveryDocumentCanBeWritten(t *testing.T) {
	t.Parallel()
	documents := []any{Playbook{}, Rule{}, Rail{}}
	outgoingtest.Written(t, documents)
	outgoingtest.ReadBack(t, documents...)
}

// source has every kind of step, and all that a rule can say.
const source = `version: 1
mode: enforce
rules:
  - name: contain
    on: alert
    when: alert.severity == "High" && alert.status != "Resolved"
    unless: '"kiosk" in machine.machineTags || "lab" in machine.machineTags'
    maxAlertAge: 30m
    continue: true
    do:
      - isolate: { type: Full, comment: "Alert {{.Alert.ID}}" }
      - restrictApps: {}
      - scan: { type: Quick }
      - collectPackage: {}
      - tag: { add: seen }
      - updateAlert: { status: InProgress, assignedTo: "{{.Machine.RBACGroupName}}", comment: "seen {{.Alert.ID}}" }
      - mail: { to: [soc@example.com] }
  - name: tell
    on: hunt
    when: true
    mode: observe
    do: [mail: {}]
  - name: rest
    on: alert
    when: true
    do: []
protect: { tags: [never-isolate, "vip*"], os: ["WindowsServer*"] }
only: { onboarding: [Onboarded] }
limits:
  isolate: { perHour: 5, perDay: 60, perRule: { perDay: 2 }, then: hold }
`

func TestAPlaybookIsDescribedAsItIs(t *testing.T) {
	t.Parallel()
	book := playbooktest.Load(t, source)
	is := Describe(book, Settings{Ceiling: playbook.Enforce, StaleAfter: 24 * time.Hour})
	if is.Text != source || is.Digest != book.Hash() {
		t.Errorf("digest %s, text %q", is.Digest, is.Text)
	}
	is.Text, is.Digest = "", ""
	want := Playbook{
		Mode:    "enforce",
		Written: "enforce",
		Ceiling: "enforce",
		Rules: []Rule{{
			Name:   "contain",
			On:     "alert",
			Mode:   "enforce",
			When:   "alert.severity == \"High\"\nand alert.status != \"Resolved\"",
			Unless: "\"kiosk\" in machine.machineTags\nor \"lab\" in machine.machineTags",
			MaxAge: "30m",
			Steps: []string{
				"isolate Full", "restrictApps", "scan Quick", "collectPackage", "tag add seen",
				"updateAlert status=InProgress assignedTo={{.Machine.RBACGroupName}} comment",
				"mail to soc@example.com",
			},
		}, {
			Name:  "tell",
			On:    "hunt",
			Mode:  "observe",
			When:  "true",
			Steps: []string{"mail to the configured recipients"},
			Stop:  true,
		}, {
			Name:  "rest",
			On:    "alert",
			Mode:  "enforce",
			When:  "true",
			Steps: []string{},
			Stop:  true,
		}},
		Rails: is.Rails,
	}
	if diff := cmp.Diff(want, is); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	settings := map[string][]string{
		"not protected": {
			"protect.tags: never-isolate, vip*",
			"protect.os: WindowsServer*",
			"a machine of which Defender does not say name, system, health, onboarding and tags is protected too",
		},
		"listed":    {"only.onboarding: Onboarded"},
		"not stale": {"an alert that is older than 24h (CORDON_STALE_AFTER) is held"},
		"mode":      {"enforce: the playbook asks for enforce, CORDON_MODE allows enforce"},
		"caps": {
			"isolate: 5 an hour and 60 a day, of any one rule 2 a day, any one machine 3 a day",
			"restrictApps: 20 an hour and 60 a day, any one machine 3 a day",
			"scan: 60 an hour and 200 a day, any one machine 3 a day",
			"collectPackage: 20 an hour and 60 a day, any one machine 3 a day",
		},
	}
	for _, r := range is.Rails {
		want, known := settings[r.Rail]
		if diff := cmp.Diff(want, r.Says); known && diff != "" {
			t.Errorf("rail %s (-want +got):\n%s", r.Rail, diff)
		}
	}
}

// TestEveryRailIsDescribed asks the book itself which rails there are.
func TestEveryRailIsDescribed(t *testing.T) {
	t.Parallel()
	book := playbooktest.Load(t, source)
	in := playbooktest.Input()
	in.Beginning = in.Now.Add(-48 * time.Hour)
	var asked, described []string
	for _, r := range book.Decide(in).Rails {
		if !slices.Contains(asked, r.Rail) {
			asked = append(asked, r.Rail)
		}
	}
	for _, r := range Describe(book, Settings{}).Rails {
		described = append(described, r.Rail)
		if len(r.Says) == 0 || slices.Contains(r.Says, "") {
			t.Errorf("nothing is said of rail %s: %q", r.Rail, r.Says)
		}
	}
	if diff := cmp.Diff(append(asked, "caps"), described); diff != "" {
		t.Errorf("(-asked +described):\n%s", diff)
	}
}

func TestTheLowestModeCounts(t *testing.T) {
	t.Parallel()
	book := playbooktest.Load(t, source)
	for ceiling, want := range map[playbook.Mode]string{
		playbook.Enforce: "enforce",
		playbook.Observe: "observe",
		"":               "observe",
		"nonsense":       "observe",
	} {
		is := Describe(book, Settings{Ceiling: ceiling})
		if is.Mode != want || is.Ceiling != want || is.Written != "enforce" || is.Rules[0].Mode != want ||
			is.Rules[1].Mode != "observe" {
			t.Errorf("under %q: %+v", ceiling, is)
		}
	}
}
