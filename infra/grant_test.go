package infra

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// fakeAz answers what the script asks of the Azure CLI, from files in its folder: roles has a line "api role id" per
// role of an API, granted an id per line, present an application id per line. It evaluates no JMESPath: the queries
// have to be the ones that it knows.
const fakeAz = `#!/bin/sh
set -eu
cd "$(dirname "$0")"
method='' url='' query='' body=''
case "$1 $2" in
  'cloud show') echo 'https://graph.example/'; exit 0 ;;
esac
[ "$1" = rest ] || { echo "unknown command $1" >&2; exit 3; }
shift
while [ $# -gt 0 ]; do
  case $1 in
    --method) method=$2 ;; --url) url=$2 ;; --query) query=$2 ;; --body) body=$2 ;;
  esac
  shift
done
case "$method $url $query" in
  "get https://graph.example/v1.0/servicePrincipals/11111111-1111-1111-1111-111111111111 displayName") echo 'cordon-responder' ;;
  "get https://graph.example/v1.0/servicePrincipals/11111111-1111-1111-1111-111111111111/appRoleAssignments value[].appRoleId") cat granted ;;
  "get https://graph.example/v1.0/servicePrincipals?\$filter=appId%20eq%20'"*"'&\$select=id value[0].id")
    app=${url#*%20eq%20\'}; app=${app%%\'*}
    if grep -qx "$app" present; then echo "sp-$app"; fi ;;
  "get https://graph.example/v1.0/servicePrincipals/sp-"*"?\$select=appRoles appRoles[?value=='"*"'].id | [0]")
    app=${url#*/sp-}; app=${app%%\?*}
    role=${query#*value==\'}; role=${role%%\'*}
    awk -v a="$app" -v r="$role" '$1 == a && $2 == r { print $3 }' roles ;;
  "post https://graph.example/v1.0/servicePrincipals/sp-"*"/appRoleAssignedTo ")
    echo "$url $body" >>posted
    [ ! -e refuse ] || { echo 'Forbidden: Insufficient privileges' >&2; exit 1; }
    id=${body##*\"appRoleId\":\"}; echo "${id%%\"*}" >>granted ;;
  *) echo "unexpected: $method $url $query" >&2; exit 1 ;;
esac
`

const (
	principal   = "11111111-1111-1111-1111-111111111111"
	defenderAPI = "fc780465-2017-40d4-a0c5-307022471b92"
	graphAPI    = "00000003-0000-0000-c000-000000000000"
)

// tenant is a folder with the fake and what it answers.
func tenant(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip("sh is missing")
	}
	folder := t.TempDir()
	put(t, folder, "az", fakeAz)
	if err := os.Chmod(filepath.Join(folder, "az"), 0o700); err != nil {
		t.Fatal(err)
	}
	put(t, folder, "granted", "")
	put(t, folder, "present", defenderAPI+"\n"+graphAPI+"\n")
	put(t, folder, "roles", defenderAPI+" Alert.Read.All 71fe6b80-7034-4028-9ed8-0f316df9c3ff\n"+
		defenderAPI+" Machine.Read.All ea8291d3-4b9a-44b5-bc3a-6cea3026dc79\n"+
		defenderAPI+" Machine.Isolate 7e4e1300-e1b9-4102-88ba-f0cb6e6d5974\n"+
		defenderAPI+" Machine.Scan 33333333-3333-3333-3333-333333333333\n"+
		defenderAPI+" Machine.ReadWrite.All 44444444-4444-4444-4444-444444444444\n"+
		graphAPI+" Mail.Send 22222222-2222-2222-2222-222222222222\n"+
		graphAPI+" ThreatHunting.Read.All dd98c7f5-2d42-42d3-a0e4-633161547251\n")
	return folder
}

func put(t *testing.T, folder, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// grant runs the script with an answer to its question, and gives its exit code, what it says, and what it granted.
func grant(t *testing.T, folder, answer string, args ...string) (code int, said string, posted []string) {
	t.Helper()
	before := lines(folder)
	command := exec.Command("sh", append([]string{"grant-permissions.sh"}, args...)...)
	command.Env = append(os.Environ(), "PATH="+folder+string(os.PathListSeparator)+os.Getenv("PATH"))
	command.Stdin = strings.NewReader(answer)
	out, err := command.CombinedOutput()
	if err != nil && command.ProcessState == nil {
		t.Fatal(err)
	}
	return command.ProcessState.ExitCode(), string(out), lines(folder)[len(before):]
}

func lines(folder string) []string {
	body, err := os.ReadFile(filepath.Join(folder, "posted"))
	if err != nil {
		return nil
	}
	return strings.Split(strings.TrimSpace(string(body)), "\n")
}

func TestGrantingSaysWhatItWillDoAndAsksFirst(t *testing.T) {
	t.Parallel()
	folder := tenant(t)
	for _, answer := range []string{"", "n\n", "\n"} {
		if code, said, posted := grant(t, folder, answer, principal); code != 1 || len(posted) != 0 ||
			!strings.Contains(said, "will grant   Machine.Isolate: isolate machines") ||
			!strings.Contains(said, "Nothing was changed.") {
			t.Errorf("answered %q: exit %d, %v\n%s", answer, code, posted, said)
		}
	}
	if code, said, posted := grant(t, folder, "y\n", principal); code != 0 || len(posted) != 3 ||
		!strings.Contains(said, "cordon-responder") {
		t.Errorf("exit %d, %v\n%s", code, posted, said)
	}
}

func TestGrantingTwiceGrantsOnce(t *testing.T) {
	t.Parallel()
	folder := tenant(t)
	put(t, folder, "granted", "ea8291d3-4b9a-44b5-bc3a-6cea3026dc79\n")
	code, said, posted := grant(t, folder, "", "--yes", principal)
	if code != 0 || len(posted) != 2 || !strings.Contains(said, "is granted   Machine.Read.All") ||
		strings.Contains(said, "Mail.Send") {
		t.Errorf("exit %d, %v\n%s", code, posted, said)
	}
	want := `sp-` + defenderAPI + `/appRoleAssignedTo {"principalId":"` + principal + `","resourceId":"sp-` +
		defenderAPI + `","appRoleId":"7e4e1300-e1b9-4102-88ba-f0cb6e6d5974"}`
	if !slices.ContainsFunc(posted, func(line string) bool { return strings.HasSuffix(line, want) }) {
		t.Errorf("%v lacks %s", posted, want)
	}
	if code, said, posted = grant(t, folder, "", "--yes", principal); code != 0 || len(posted) != 0 ||
		!strings.Contains(said, "Nothing to do.") {
		t.Errorf("again: exit %d, %v\n%s", code, posted, said)
	}
	if code, said, posted = grant(t, folder, "", "--yes", "--also", "ThreatHunting.Read.All", principal); code != 0 ||
		len(posted) != 1 || !strings.Contains(posted[0], "dd98c7f5-2d42-42d3-a0e4-633161547251") {
		t.Errorf("with hunting: exit %d, %v\n%s", code, posted, said)
	}
	if code, said, posted = grant(t, folder, "", "--yes", "--mail", principal); code != 0 || len(posted) != 1 ||
		!strings.Contains(said, "every mailbox") {
		t.Errorf("with mail: exit %d, %v\n%s", code, posted, said)
	}
}

func TestRolesOfSomeStepsAreGrantedOnlyIfAskedFor(t *testing.T) {
	t.Parallel()
	folder := tenant(t)
	if code, said, posted := grant(t, folder, "", "--yes", principal); code != 0 || len(posted) != 3 ||
		strings.Contains(said, "Machine.Scan") {
		t.Errorf("exit %d, %v\n%s", code, posted, said)
	}
	code, said, posted := grant(t, folder, "", "--yes", "--also", "Machine.Scan", "--also", "Machine.ReadWrite.All",
		principal)
	if code != 0 || len(posted) != 2 || !strings.Contains(said, "will grant   Machine.Scan: scan machines") ||
		!strings.Contains(said, "granted      Machine.ReadWrite.All") {
		t.Errorf("exit %d, %v\n%s", code, posted, said)
	}
	if !strings.Contains(strings.Join(posted, "\n"), `"appRoleId":"33333333-3333-3333-3333-333333333333"`) {
		t.Errorf("%v lacks the role's id in this tenant", posted)
	}
	if code, said, posted := grant(t, folder, "", "--yes", "--also", "Machine.CollectForensics",
		principal); code != 1 || len(posted) != 0 || !strings.Contains(said, "has no role Machine.CollectForensics") {
		t.Errorf("exit %d, %v\n%s", code, posted, said)
	}
}

func TestGrantingStopsAtWhatIsNotAsPublished(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		file, text string
		wrong      string
		posts      int
	}{
		"another id": {
			"roles", defenderAPI + " Alert.Read.All 7e4e1300-e1b9-4102-88ba-f0cb6e6d5974\n", "look into it", 0,
		},
		"no such role":   {"roles", "", "has no role Alert.Read.All", 0},
		"API not there":  {"present", graphAPI + "\n", "az ad sp create --id " + defenderAPI, 0},
		"nothing posted": {"refuse", "", "Alert.Read.All was not granted", 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := tenant(t)
			put(t, folder, c.file, c.text)
			if code, said, posted := grant(t, folder, "", "--yes", principal); code != 1 || len(posted) != c.posts ||
				!strings.Contains(said, c.wrong) {
				t.Errorf("exit %d, %v\n%s", code, posted, said)
			}
		})
	}
}

func TestWrongCommandLinesOfTheGrantAreRefused(t *testing.T) {
	t.Parallel()
	folder := tenant(t)
	for _, args := range [][]string{
		{}, {"me"}, {"--all", principal}, {principal, principal}, {principal[:35]}, {"--yes", "$(reboot)"},
		{"--also"}, {"--also", principal}, {"--also", "Machine.Offboard", principal}, {"--also", "Machine", principal},
		{"--also", ".*", principal},
	} {
		if code, said, posted := grant(t, folder, "", args...); code != 2 || len(posted) != 0 ||
			!strings.Contains(said, "PRINCIPAL-ID") {
			t.Errorf("%v: exit %d, %v\n%s", args, code, posted, said)
		}
	}
	if code, said, _ := grant(t, folder, "", "--help"); code != 0 || !strings.Contains(said, "Exit code 0") {
		t.Errorf("help: exit %d\n%s", code, said)
	}
	if code, said, _ := grant(t, folder, "", "33333333-3333-3333-3333-333333333333"); code != 1 ||
		!strings.Contains(said, "there is no service principal") {
		t.Errorf("somebody else: exit %d\n%s", code, said)
	}
}

// TestGrantedRolesAreTheDocumentedOnes holds the script and the page about identities together.
func TestGrantedRolesAreTheDocumentedOnes(t *testing.T) {
	t.Parallel()
	script, page := read(t, "grant-permissions.sh"), read(t, "../docs/identity.md")
	granted := regexp.MustCompile(`(?m)[0-9a-f-]{36} ([A-Z]\w+\.[\w.]+) `).FindAllStringSubmatch(script, -1)
	documented := regexp.MustCompile("(?m)^\\| `([A-Z]\\w+\\.[\\w.]+)` \\|").FindAllStringSubmatch(page, -1)
	names := func(found [][]string) []string {
		var all []string
		for _, f := range found {
			all = append(all, f[1])
		}
		slices.Sort(all)
		return all
	}
	if got, want := names(granted), names(documented); len(got) != 12 || !slices.Equal(got, want) {
		t.Errorf("the script grants %v, docs/identity.md has %v", got, want)
	}
}
