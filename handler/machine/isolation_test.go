package machine

import (
	"math/rand/v2"
	"testing"
	"time"
)

const (
	day  = 24 * time.Hour
	lift = 7 * day
)

var start = time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)

// done is an action that was created and succeeded so long after the start.
func done(id string, t ActionType, created, completed time.Duration, requestor string) Action {
	return Action{
		ID:        id,
		Type:      t,
		Status:    Succeeded,
		MachineID: "m1",
		Requestor: requestor,
		Comment:   "c",
		Created:   start.Add(created),
		Updated:   start.Add(completed),
	}
}

func open(a Action, s ActionStatus) Action { a.Status = s; return a }

// TestStateOfAMachine holds the one function over a machine's actions, in any order of them.
func TestStateOfAMachine(t *testing.T) {
	t.Parallel()
	const alice = "alice@contoso.com"
	isolation := done("i", Isolate, 0, time.Hour, alice)
	automatic := done("a", Isolate, day, day, "")
	automatic.Comment = ""
	for name, c := range map[string]struct {
		of      ActionType
		actions []Action
		at      time.Duration
		is      bool
		since   time.Duration
		until   time.Duration // below 0: none
		id      string
		by      Owner
	}{
		"isolated": {
			Isolate, []Action{isolation}, 2 * time.Hour, true, time.Hour, lift + time.Hour, "i", ByPerson,
		},
		"a moment before the lift": {
			Isolate, []Action{isolation}, lift + time.Hour - 1, true, time.Hour, lift + time.Hour, "i", ByPerson,
		},
		"lifted": {
			Isolate, []Action{isolation}, lift + time.Hour, false, lift + time.Hour, lift + time.Hour, "i", ByPerson,
		},
		"released": {
			Isolate, []Action{isolation, done("r", Unisolate, 2*time.Hour, 3*time.Hour, alice)}, day, false,
			3 * time.Hour, -1, "r", ByPerson,
		},
		"released, then lifted": {
			Isolate, []Action{isolation, done("r", Unisolate, 2*time.Hour, 3*time.Hour, alice)}, 30 * day, false,
			3 * time.Hour, -1, "r", ByPerson,
		},
		"released before the start": {
			Isolate, []Action{done("r", Unisolate, -1, 2*time.Hour, alice), isolation}, day, false, 2 * time.Hour, -1,
			"r", ByPerson,
		},
		"release done too early": {
			Isolate, []Action{isolation, done("r", Unisolate, 30*time.Minute, 40*time.Minute, alice)}, day, true,
			time.Hour, lift + time.Hour, "i", ByPerson,
		},
		"a release that failed": {
			Isolate, []Action{isolation, open(done("r", Unisolate, 2*time.Hour, 3*time.Hour, alice), Failed)}, day,
			true, time.Hour, lift + time.Hour, "i", ByPerson,
		},
		"a release under way": {
			Isolate, []Action{isolation, open(done("r", Unisolate, 2*time.Hour, 3*time.Hour, alice), Pending)}, day,
			true, time.Hour, lift + time.Hour, "i", ByPerson,
		},
		"isolation under way": {Isolate, []Action{open(isolation, InProgress)}, day, false, -1, -1, "", ""},
		"again after a release": {
			Isolate,
			[]Action{
				isolation, done("r", Unisolate, 2*time.Hour, 3*time.Hour, alice),
				done("j", Isolate, 0, 4*time.Hour, "app"),
			}, day, true, 4 * time.Hour, lift + 4*time.Hour, "j", ByUnknown,
		},
		"twice": {
			Isolate, []Action{isolation, done("j", Isolate, day, day, alice)}, 2 * day, true, day, lift + day, "j",
			ByPerson,
		},
		"automatic": {Isolate, []Action{automatic}, 2*day - 1, true, day, 2 * day, "a", ByAutomatic},
		"automatic, a day later": {
			Isolate, []Action{automatic}, 2 * day, false, 2 * day, 2 * day, "a", ByAutomatic,
		},
		"automatic on top": {
			Isolate, []Action{isolation, automatic}, 3 * day, true, time.Hour, lift + time.Hour, "i", ByPerson,
		},
		"nothing": {Isolate, nil, day, false, -1, -1, "", ""},
		"only a release": {
			Isolate, []Action{done("r", Unisolate, 2*time.Hour, 3*time.Hour, alice)}, day, false, 3 * time.Hour, -1,
			"r", ByPerson,
		},
		"other actions": {
			Isolate, []Action{done("s", Scan, 0, 0, alice), done("x", Restrict, 0, 0, alice)}, day, false, -1, -1, "",
			"",
		},
		"restricted is never lifted": {
			Restrict, []Action{done("x", Restrict, 0, time.Hour, alice)}, 400 * day, true, time.Hour, -1, "x", ByPerson,
		},
		"unrestricted by completion": {
			Restrict,
			[]Action{done("u", Unrestrict, -time.Hour, 2*time.Hour, alice), done("x", Restrict, 0, time.Hour, alice)},
			day, false, 2 * time.Hour, -1, "u", ByPerson,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := func(d time.Duration) time.Time {
				if d < 0 {
					return time.Time{}
				}
				return start.Add(d)
			}
			for range 10 {
				rand.Shuffle(len(c.actions), func(i, j int) { c.actions[i], c.actions[j] = c.actions[j], c.actions[i] })
				s := StateOf(c.of, c.actions, start.Add(c.at), lift, nil)
				if s.Is != c.is || !s.Since.Equal(at(c.since)) || !s.Until.Equal(at(c.until)) || s.Action.ID != c.id ||
					s.By != c.by {
					t.Fatalf("%v: %+v", c.actions, s)
				}
				if s.Lifted() != (!c.is && c.until >= 0) {
					t.Errorf("lifted: %v", s.Lifted())
				}
			}
		})
	}
}

func TestWhoAskedForAnAction(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		a    Action
		want Owner
	}{
		"a mark": {
			Action{Comment: "[cordon da1:v1 e1] why", Requestor: "3f6a1c52", RequestSource: "PublicApi"}, ByCordon,
		},
		"a mark by a person": {
			Action{Comment: "[cordon da1:v1 e1] why", Requestor: "eve@contoso.com", RequestSource: "Portal"}, ByPerson,
		},
		"the record":           {Action{ID: "known", Requestor: "3f6a1c52"}, ByCordon},
		"the record of others": {Action{ID: "theirs", Comment: "[cordon da1:v1 e1]"}, ByPerson},
		"a person": {
			Action{Comment: "by hand", Requestor: "alice@contoso.com", RequestSource: "Portal"}, ByPerson,
		},
		"without a comment": {Action{Requestor: "alice@contoso.com"}, ByPerson},
		"an app": {
			Action{Comment: "why", Requestor: "Playbook app", RequestSource: "PublicApi"}, ByUnknown,
		},
		"an app without words": {Action{Requestor: "3f6a1c52-8d0e-4b7b-9a64-5c2d71e0b9f4"}, ByUnknown},
		"nobody":               {Action{RequestSource: "Portal"}, ByAutomatic},
		"words of nobody":      {Action{Comment: "why"}, ByUnknown},
		"no name":              {Action{Comment: "why", Requestor: "@contoso.com"}, ByUnknown},
	} {
		if got := c.a.AskedBy(Owners{"known": ByCordon, "theirs": ByPerson}); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}
