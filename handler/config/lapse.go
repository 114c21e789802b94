package config

import "slices"

// Lapse is a part of Cordon that does not work as it is set, while the rest does: alerts are answered.
type Lapse struct {
	Part    string // a function, or what is not done
	Setting string // that is to be mended
	Text    string // for people
}

// String says it to people.
func (l Lapse) String() string { return l.Text }

// vaultReference begins a setting that the platform is to put a secret of a key vault in the place of. It leaves the
// text as it is when it cannot read the secret.
const vaultReference = "@Microsoft.KeyVault("

const unresolved = "the reference to the key vault was not resolved: " +
	"check that the vault, the secret and the app's access to it exist"

// The settings of single channels: without them the others work.
const (
	smtpSetting    = "CORDON_SMTP_URL"
	webhookSetting = "CORDON_WEBHOOK_SECRET"
	signInSetting  = "CORDON_SIGNIN_SECRET"
)

// Lapses are the parts that do not work. A function on a timer does not run if its schedule is missing: the Functions
// host leaves a function out whose function.json names a setting that is not set, writes that into its own log and
// tells nobody else. A channel fails whose secret was not resolved: it is set, so nothing else may take its place.
func (c Config) Lapses() (lapses []Lapse) {
	for _, s := range []struct{ value, function, setting string }{
		{c.PollSchedule, "PollAlerts", "CORDON_POLL_SCHEDULE"},
		{c.FollowSchedule, "FollowActions", "CORDON_FOLLOW_SCHEDULE"},
		{c.HuntSchedule, "RunHunts", "CORDON_HUNT_SCHEDULE"},
	} {
		if s.value == "" {
			lapses = append(lapses, Lapse{s.function, s.setting,
				s.function + " does not run: " + s.setting + " is not set, and the Functions host knows no default; " +
					"set it in the app settings"})
		}
	}
	if c.MailUnresolved {
		lapses = append(lapses, Lapse{"mail", smtpSetting, "no mail is sent: " + smtpSetting + ": " + unresolved})
	}
	if c.WebhookUnresolved {
		text := "no pushed alert is taken: " + webhookSetting + ": " + unresolved
		lapses = append(lapses, Lapse{"push", webhookSetting, text})
	}
	if c.SignInUnresolved {
		text := "nobody can sign in with a browser: " + signInSetting + ": " + unresolved
		lapses = append(lapses, Lapse{"sign-in", signInSetting, text})
	}
	return lapses
}

// ofChannel says whether the start goes on without a secret that was not resolved.
func ofChannel(name string) bool {
	return slices.Contains([]string{smtpSetting, webhookSetting, signInSetting}, name)
}
