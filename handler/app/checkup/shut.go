package checkup

import (
	"errors"
	"strings"

	"cordon/handler/config"
	"cordon/handler/doctor"
)

// area is what make makes of settings that are right, or what keeps it from being looked at.
func (c *Checkup) area(name string, need config.Need, make func() (doctor.Area, error)) doctor.Area {
	if why := c.missing(need); why != "" {
		return doctor.Shut(name, why)
	}
	area, err := make()
	if err != nil {
		return wrong(name, err)
	}
	return area
}

// wrong is a part that cannot be looked at because of a setting that an error names.
func wrong(name string, err error) doctor.Area {
	const do = "correct the setting that the message names"
	return doctor.Told(doctor.Finding{
		Check: name,
		State: doctor.Fail,
		Seen:  err.Error(),
		Do:    do,
	})
}

// missing says what has to be mended before a part can be looked at.
func (c *Checkup) missing(need config.Need) string {
	var wrong *config.Error
	_, err := config.LoadFor(c.getenv, need)
	if errors.As(err, &wrong) {
		names := []string{}
		for _, problem := range wrong.Problems {
			names = append(names, problem.Name)
		}
		return "the settings above are wrong: " + strings.Join(names, ", ")
	}
	if c.caErr != nil {
		return "the certificate authorities cannot be read"
	}
	return ""
}
