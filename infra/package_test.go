package infra

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// roleAz keeps role assignments, one id a line, in the file assigned of its folder. In the file inherited are those
// that somebody made above the container. It evaluates no JMESPath: the query has to be the one that it knows.
const roleAz = `#!/bin/sh
set -eu
cd "$(dirname "$0")"
all=$*
action="$1 $2 $3" scope='' ids='' query='' principal='' role=''
while [ $# -gt 0 ]; do
  case $1 in
    --scope) scope=$2 ;; --ids) ids=$2 ;; --query) query=$2 ;; --assignee-object-id) principal=$2 ;; --role) role=$2 ;;
  esac
  shift
done
echo "$all" >>calls
[ ! -e "refuse-${action##* }" ] || { echo 'AuthorizationFailed' >&2; exit 1; }
case $action in
  'role assignment create')
    [ "$role" = 'Storage Blob Data Contributor' ]
    echo "$scope/providers/Microsoft.Authorization/roleAssignments/$principal" >>assigned ;;
  'role assignment list')
    [ "$query" = "[?principalId=='11111111-1111-1111-1111-111111111111' && roleDefinitionName!='Storage Blob Data Reader'].id" ]
    cat assigned inherited ;;
  'role assignment delete')
    grep -vxF "$ids" assigned >rest || true
    mv rest assigned ;;
  *) echo "unexpected: $all" >&2; exit 1 ;;
esac
`

const packageContainer = "/subscriptions/s/resourceGroups/rg/providers/" +
	"Microsoft.Storage/storageAccounts/pkx/blobServices/default/containers/packages"

// access runs the script in a folder with the fake.
func access(t *testing.T, folder string, args ...string) (code int, said string) {
	t.Helper()
	command := exec.Command("sh", append([]string{"package-access.sh"}, args...)...)
	command.Env = append(os.Environ(), "PATH="+folder+string(os.PathListSeparator)+os.Getenv("PATH"),
		"CORDON_ACCESS_WAIT=0")
	out, err := command.CombinedOutput()
	if err != nil && command.ProcessState == nil {
		t.Fatal(err)
	}
	return command.ProcessState.ExitCode(), string(out)
}

func roles(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip("sh is missing")
	}
	folder := t.TempDir()
	put(t, folder, "az", roleAz)
	put(t, folder, "assigned", "")
	put(t, folder, "inherited", "")
	if err := os.Chmod(filepath.Join(folder, "az"), 0o700); err != nil {
		t.Fatal(err)
	}
	return folder
}

// TestThePackageCanBeWrittenWhileItIsDeployedOnly plays deployments: the command sees the right, nobody has it
// afterwards.
func TestThePackageCanBeWrittenWhileItIsDeployedOnly(t *testing.T) {
	t.Parallel()
	for code, command := range map[int]string{0: "exit 0", 7: "exit 7", 130: "kill -TERM $PPID; exit 0"} {
		folder := roles(t)
		got, said := access(t, folder, "while", principal, packageContainer, "sh", "-c",
			"cat "+folder+"/assigned; "+command)
		if got != code ||
			!strings.Contains(said,
				packageContainer+"/providers/Microsoft.Authorization/roleAssignments/"+principal) ||
			read(t, filepath.Join(folder, "assigned")) != "" {
			t.Errorf("%s: exit %d, left %q\n%s", command, got, read(t, filepath.Join(folder, "assigned")), said)
		}
	}
}

func TestTheRightToWriteIsGivenAndTakenBack(t *testing.T) {
	t.Parallel()
	folder := roles(t)
	for range 2 {
		if code, said := access(t, folder, "open", principal, packageContainer); code != 0 ||
			!strings.Contains(said, "may write") {
			t.Errorf("open: exit %d\n%s", code, said)
		}
	}
	if code, said := access(t, folder, "close", principal, packageContainer); code != 0 ||
		!strings.Contains(said, "may read the package only") || read(t, filepath.Join(folder, "assigned")) != "" {
		t.Errorf("close: exit %d\n%s", code, said)
	}
	put(t, folder, "inherited", "/subscriptions/s/providers/Microsoft.Authorization/roleAssignments/x\n")
	if code, said := access(t, folder, "close", principal, packageContainer); code != 1 ||
		!strings.Contains(said, "may still write the package: /subscriptions/s/providers") {
		t.Errorf("a right from above: exit %d\n%s", code, said)
	}
}

func TestWhatIsRefusedIsSaid(t *testing.T) {
	t.Parallel()
	for refused, said := range map[string]string{
		"create": "was not given",
		"list":   "cannot be read",
		"delete": "not taken back: " + packageContainer,
	} {
		folder := roles(t)
		put(t, folder, "refuse-"+refused, "")
		if code, out := access(t, folder, "while", principal, packageContainer, "true"); code != 1 ||
			!strings.Contains(out, said) {
			t.Errorf("%s: exit %d\n%s", refused, code, out)
		}
	}
}

func TestWrongCommandLinesOfTheAccessAreRefused(t *testing.T) {
	t.Parallel()
	folder := roles(t)
	for _, args := range [][]string{
		{}, {"shut", principal, packageContainer}, {"open", principal}, {"open", "me", packageContainer},
		{"close", principal, "/subscriptions/s"},
		{"while", principal, packageContainer}, {"open", principal, packageContainer, "x"},
		{"open", principal, "$(reboot)"},
	} {
		if code, said := access(t, folder, args...); code != 2 || !strings.Contains(said, "CONTAINER-ID") {
			t.Errorf("%v: exit %d\n%s", args, code, said)
		}
	}
	if _, err := os.Stat(filepath.Join(folder, "calls")); err == nil {
		t.Errorf("a wrong command line asked for %s", read(t, filepath.Join(folder, "calls")))
	}
}
