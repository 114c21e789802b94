package checkup

import (
	"path/filepath"
	"strings"
	"testing"

	"cordon/handler/doctor"
)

func TestAFolderOfHuntsThatIsNamedAndMissingIsNoEmptyCatalogue(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	for folder, missing := range map[string]bool{"": false, "huntz": true, filepath.Join(root, "none"): true} {
		env := map[string]string{"FUNCTIONS_APP_ROOT_PATH": root, "CORDON_HUNTS": folder}
		c := New(func(name string) string { return env[name] }, false)
		told := c.huntsArea()[0].Run(t.Context())
		if !missing {
			if told.State != doctor.OK {
				t.Errorf("%q: %+v", folder, told)
			}
			continue
		}
		want := "CORDON_HUNTS: the folder " + c.settings.Hunts + " does not exist"
		if told.State != doctor.Fail || !strings.Contains(told.Seen, want) {
			t.Errorf("%q: %+v", folder, told)
		}
	}
}
