package app

import (
	"path/filepath"
	"strings"
	"testing"

	"cordon/handler/ledger"
)

func TestAFolderOfHuntsThatIsNamedAndMissingIsNoEmptyCatalogue(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	for folder, missing := range map[string]bool{"": false, "huntz": true, filepath.Join(root, "none"): true} {
		settings := loaded(t, "Endpoint=sb://127.0.0.1;SharedAccessKeyName=k;SharedAccessKey=s3cr3t",
			map[string]string{"FUNCTIONS_APP_ROOT_PATH": root, "CORDON_HUNTS": folder})
		run, some := newHunts(settings, clients{ledger: &ledger.Store{}}, nil, nil, nil)
		if some != missing {
			t.Errorf("%q: there are hunts: %t", folder, some)
		}
		if !missing {
			continue
		}
		want := "the hunts are not run: CORDON_HUNTS: the folder " + settings.Hunts + " does not exist"
		if err := run(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", folder, err)
		}
	}
}
