package oncall

import (
	"context"
	"errors"
	"strings"
	"testing"

	"cordon/handler/operate"
	"cordon/handler/operate/wire"
)

// names is the app as it names machines now; of an id that is not there it knows nothing.
type names struct {
	operate.Desk
	of map[string]string
}

func (n names) Machine(_ context.Context, id string) (wire.Machine, error) {
	name, known := n.of[id]
	if !known {
		return wire.Machine{}, errors.New("503")
	}
	return wire.Machine{ID: id, Name: name}, nil
}

// TestOnlyTheOneMachineThatIsMeantIsReleased has names that several machines have, names that are not known, and ids.
func TestOnlyTheOneMachineThatIsMeantIsReleased(t *testing.T) {
	t.Parallel()
	all := []wire.Isolation{
		{MachineID: "aa1", MachineName: "pc1.contoso.com"},
		{MachineID: "ab2"},
		{MachineID: "ac3"},
		{MachineID: "ad4", MachineName: "pc4.contoso.com"},
	}
	app := names{of: map[string]string{
		"aa1": "pc1.contoso.com",
		"ab2": "pc2.contoso.com",
		"ac3": "pc2.fabrikam.com",
		"ad4": "renamed.contoso.com",
	}}
	for which, want := range map[string]string{
		"AA1":              "aa1",
		"pc1":              "aa1",
		"PC1.contoso.com":  "aa1",
		"pc2.fabrikam.com": "ac3",
		"pc2":              "2 isolated machines have the name pc2; name one by its id: ab2, ac3",
		"pc4":              "no isolated machine has the id or name pc4",
		"pc":               "no isolated machine has the id or name pc",
		"x\x1b[2J":         "no isolated machine has the id or name x",
	} {
		i, err := isolationOf(t.Context(), app, all, which)
		if err == nil && i.MachineID != want {
			t.Errorf("%q: released would be %s, want %s", which, i.MachineID, want)
		}
		if err != nil && (!strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\x1b")) {
			t.Errorf("%q: %v, want %s", which, err, want)
		}
	}
	delete(app.of, "ac3") // it may be a second pc2
	if i, err := isolationOf(t.Context(), app, all, "pc2"); err == nil {
		t.Errorf("released would be %s although a name cannot be read", i.MachineID)
	}
}
