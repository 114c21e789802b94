package checkup

import (
	"errors"
	"time"

	"cordon/handler/app/setup"
	"cordon/handler/config"
	"cordon/handler/doctor"
)

func (c *Checkup) settingsArea() doctor.Area {
	const do = "set it right in the app settings; docs/settings.md has all of them"
	var found []doctor.Finding
	tell := func(check string, state doctor.State, seen, do string) {
		found = append(found, doctor.Finding{
			Check: check,
			State: state,
			Seen:  seen,
			Do:    do,
		})
	}
	var wrong *config.Error
	switch {
	case errors.As(c.problems, &wrong):
		for _, problem := range wrong.Problems {
			tell("setting "+problem.Name, doctor.Fail, problem.Message, do)
		}
	case c.problems != nil:
		tell("settings", doctor.Fail, c.problems.Error(), "")
	default:
		tell("settings", doctor.OK, "everything that the handler asks for is set", "")
	}
	for _, l := range c.settings.Lapses() {
		tell("setting "+l.Setting, doctor.Fail, l.Text, do)
	}
	if c.caErr != nil {
		tell("setting CORDON_CA_FILE", doctor.Fail, c.caErr.Error(), "put the PEM file there, or take the setting out")
	}
	if c.certErr != nil || c.certificate != nil {
		found = append(found, c.certificateFinding())
	}
	return doctor.Told(found...)
}

// certificateFinding is about the certificate that the settings name.
func (c *Checkup) certificateFinding() doctor.Finding {
	f := doctor.Finding{Check: "certificate"}
	if c.certErr != nil {
		f.State = doctor.Fail
		f.Seen = c.certErr.Error()
		f.Do = "put a PEM file with certificate and key there, and upload the certificate to the app registration"
		return f
	}
	ends := c.certificate.ExpiresAt.UTC().Format(time.DateOnly)
	if time.Until(c.certificate.ExpiresAt) < setup.CertificateEnding {
		f.State, f.Seen = doctor.Warn, "ends on "+ends
		f.Do = "upload a new one to the app registration and set CORDON_CLIENT_CERTIFICATE to its file"
		return f
	}
	f.State, f.Seen = doctor.OK, "good until "+ends
	return f
}

func (c *Checkup) schedulesArea() doctor.Area {
	return doctor.Schedules(
		doctor.Schedule{
			Name:    "poll",
			Setting: "CORDON_POLL_SCHEDULE",
			Spec:    c.settings.PollSchedule,
			Every:   c.settings.PollEvery,
		},
		doctor.Schedule{
			Name:    "follow",
			Setting: "CORDON_FOLLOW_SCHEDULE",
			Spec:    c.settings.FollowSchedule,
			Every:   c.settings.FollowEvery,
		},
	)
}
