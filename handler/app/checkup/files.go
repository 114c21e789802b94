package checkup

import (
	"fmt"
	"os"
	"path/filepath"

	"cordon/handler/app/setup"
	"cordon/handler/doctor"
	"cordon/handler/playbook"
	"cordon/handler/trigger"
)

func (c *Checkup) playbookArea() doctor.Area {
	f := doctor.Finding{Check: "playbook"}
	if c.bookErr != nil {
		f.State = doctor.Fail
		f.Seen = c.bookErr.Error()
		f.Do = "mend it; cordon check says when it is right"
		return doctor.Told(f)
	}
	f.State = doctor.OK
	f.Seen = fmt.Sprintf("%d rule(s); it says %s, CORDON_MODE says %s: ",
		len(c.book.Rules()), c.book.Mode(), c.settings.Mode)
	if setup.Mode(c.settings, c.book) == playbook.Enforce {
		f.Seen += "machines are acted on"
	} else {
		f.Seen += "no machine is acted on"
	}
	return doctor.Told(f)
}

// filesArea looks at the app root, or at the playbook's folder if the app is there.
func (c *Checkup) filesArea() doctor.Area {
	folder := c.settings.AppRoot
	_, err := os.Stat(filepath.Join(folder, "host.json"))
	if err != nil {
		_, err := os.Stat(filepath.Join(filepath.Dir(c.settings.Playbook), "host.json"))
		if err == nil {
			folder = filepath.Dir(c.settings.Playbook)
		}
	}
	return doctor.Folder(doctor.App{
		Files:    os.DirFS(folder),
		Where:    folder,
		Getenv:   c.getenv,
		Deadline: trigger.Deadline,
	})
}
