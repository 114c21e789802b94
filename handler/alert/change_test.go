package alert

import "testing"

func TestWhatAnAlertHasIsNotChangedAgain(t *testing.T) {
	t.Parallel()
	wanted := Change{
		Status:         StatusResolved,
		AssignedTo:     "kim@contoso.com",
		Classification: "FalsePositive",
		Determination:  "Clean",
		Comment:        "why",
	}
	for _, tt := range []struct {
		name string
		has  Alert
		want Change
	}{
		{"nothing", Alert{}, wanted},
		{
			"all of it",
			Alert{
				Status:         StatusResolved,
				AssignedTo:     "Kim@contoso.com",
				Classification: "falsePositive",
				Determination:  "clean",
			}, Change{Comment: "why"},
		},
		{
			"the other page's word",
			Alert{
				Status:         StatusResolved,
				AssignedTo:     "kim@contoso.com",
				Classification: "FalsePositive",
				Determination:  "NotMalicious",
			}, Change{Comment: "why"},
		},
		{
			"something else",
			Alert{
				Status:         StatusNew,
				AssignedTo:     "robin@contoso.com",
				Classification: "TruePositive",
				Determination:  "Malware",
			}, wanted,
		},
	} {
		if got := wanted.Left(tt.has); got != tt.want {
			t.Errorf("of an alert that has %s, %+v is left, want %+v", tt.name, got, tt.want)
		}
	}
	if !(Change{}).Left(sample()).IsZero() || (Change{Comment: "why"}).IsZero() {
		t.Error("nothing to change is something, or something nothing")
	}
}

func TestDeterminationsHaveOneSpelling(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"NotMalicious":      "Clean",
		"ConfirmedActivity": "ConfirmedUserActivity",
		"Clean":             "Clean",
		"Malware":           "Malware",
		"Novel":             "Novel",
		"":                  "",
	} {
		if got := Determination(given); got != want {
			t.Errorf("Determination(%q) = %q, want %q", given, got, want)
		}
	}
}
