package infra

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"cordon/handler/config"
	"cordon/handler/operate/wire"
)

// fakeGraph answers what the script asks of the Azure CLI, from files in its folder, and changes them as Microsoft
// Graph would. It evaluates no JMESPath: the queries have to be the ones that it knows.
const fakeGraph = `#!/bin/sh
set -eu
cd "$(dirname "$0")"
method='' url='' query='' body=''
case "$*" in
  'cloud show --query endpoints.microsoftGraphResourceId -o tsv') echo 'https://graph.example/'; exit 0 ;;
  'cloud show --query endpoints.activeDirectory -o tsv') cat login; exit 0 ;;
  'account show --query tenantId -o tsv') echo 94fe6bd2-8d0e-4b7b-9a64-5c2d71e0b9f4; exit 0 ;;
esac
[ "$1" = rest ] || { echo "unknown command $1" >&2; exit 3; }
shift
while [ $# -gt 0 ]; do
  case $1 in
    --method) method=$2 ;; --url) url=$2 ;; --query) query=$2 ;; --body) body=$2 ;;
  esac
  shift
done
path=${url#https://graph.example/v1.0/}
show() { if [ -e "$1" ]; then cat "$1"; else echo "${2:-None}"; fi; }
if [ "$method" != get ]; then
  echo "$method $path $body" >>posted
  if [ -e refuse ] && grep -qxF "$path" refuse; then echo 'Forbidden: Insufficient privileges' >&2; exit 1; fi
fi
case $path in
  "applications?\$filter=tags/any(t:t%20eq%20'cordon:"*":cordon.example.com')&\$select=id,appId")
    of=${path#*cordon:}; of=${of%%:*}; path=tagged/$of ;;
  "servicePrincipals?\$filter=appId%20eq%20'"*"'&\$select=id")
    of=${path#*%20eq%20\'}; of=${of%%\'*}; path=of/$of ;;
esac
case "$method $path $query" in
  "get tagged/"*" value[0].id") [ ! -e "$of" ] || echo "obj-$of" ;;
  "get tagged/"*" value[0].appId") [ ! -e "$of" ] || echo "app-$of" ;;
  "get of/"*" value[0].id") show "sp-$of" ;;
  'get applications/obj-web appId') echo app-web ;;
  'get applications/obj-cli appId') echo app-cli ;;
  "get applications/obj-web [join("*) show is '' ;;
  "get applications/obj-web length("*) show allowed 0 ;;
  "get applications/obj-web/federatedIdentityCredentials value[?subject=='11111111-"*"'].id | [0]") show trusted ;;
  'get servicePrincipals/sp-app-web appRoleAssignmentRequired') show required False ;;
  "get servicePrincipals/sp-"*"/oauth2PermissionGrants value[?consentType=='AllPrincipals' && "*"=='sp-graph'].id | [0]")
    of=${path#servicePrincipals/}; show "consent-${of%%/*}" ;;
  'post applications id')
    of=cli
    case $body in *'"cordon:web:cordon.example.com"'*) of=web ;; esac
    echo 1 >"$of"; echo "obj-$of" ;;
  'post servicePrincipals id')
    of=${body#*\"appId\":\"}; of=${of%%\"*}; echo "sp-$of" >"sp-$of"; echo "sp-$of" ;;
  'post applications/obj-web/federatedIdentityCredentials id') echo fed >trusted; echo fed ;;
  'post oauth2PermissionGrants id')
    of=${body#*\"clientId\":\"}; of=${of%%\"*}; echo grant >"consent-$of"; echo grant ;;
  'patch servicePrincipals/sp-app-web id') echo True >required ;;
  'patch applications/obj-web id')
    case $body in *identifierUris*) cp good is ;; *preAuthorizedApplications*) echo 2 >allowed ;; esac ;;
  *) echo "unexpected: $method $path $query" >&2; exit 1 ;;
esac
`

const appAt = "https://cordon.example.com"

// registrations is a folder with the fake, in a tenant that has no registration yet.
func registrations(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip("sh is missing")
	}
	folder := t.TempDir()
	put(t, folder, "az", fakeGraph)
	if err := os.Chmod(filepath.Join(folder, "az"), 0o700); err != nil {
		t.Fatal(err)
	}
	put(t, folder, "login", "https://login.microsoftonline.com\n")
	put(t, folder, "sp-"+graphAPI, "sp-graph\n")
	ids := []string{"2"}
	script := read(t, "app-registrations.sh")
	for _, name := range []string{"scope", "reader", "operator", "approver"} {
		ids = append(ids, regexp.MustCompile(`(?m)^` + name + `=([0-9a-f-]{36})$`).FindStringSubmatch(script)[1])
	}
	put(t, folder, "good",
		strings.Join(ids, " ")+" "+appAt+"/api/signin/callback idtyp api://cordon.example.com/app-web\n")
	return folder
}

// register runs the script with an answer to its question, and gives its exit code, what it says, and what it changed.
func register(t *testing.T, folder, answer string, args ...string) (code int, said string, posted []string) {
	t.Helper()
	before := len(lines(folder))
	command := exec.Command("sh", append([]string{"app-registrations.sh"}, args...)...)
	command.Env = append(os.Environ(), "PATH="+folder+string(os.PathListSeparator)+os.Getenv("PATH"))
	command.Stdin = strings.NewReader(answer)
	out, err := command.CombinedOutput()
	if err != nil && command.ProcessState == nil {
		t.Fatal(err)
	}
	return command.ProcessState.ExitCode(), string(out), lines(folder)[before:]
}

func TestRegisteringSaysWhatItWillDoAndAsksFirst(t *testing.T) {
	t.Parallel()
	folder := registrations(t)
	for _, answer := range []string{"", "n\n", "\n"} {
		code, said, posted := register(t, folder, answer, "--identity", principal, appAt)
		if code != 1 || len(posted) != 0 || !strings.Contains(said, "Nothing was changed.") {
			t.Errorf("answered %q: exit %d, %v\n%s", answer, code, posted, said)
		}
		for _, line := range []string{
			"will make    Cordon: roles Cordon.Reader, Cordon.Operator, Cordon.Approver", "will make    Cordon CLI",
			"will set     only people and apps with a role", "will trust   the managed identity " + principal,
			"will allow   Cordon CLI and the Azure CLI", "will consent for everybody",
		} {
			if !strings.Contains(said, line) {
				t.Errorf("it does not say %q:\n%s", line, said)
			}
		}
	}
}

// manifest is what of a registration the program relies on.
type manifest struct {
	SignInAudience string
	Tags           []string
	Web            struct {
		RedirectURIs          []string `json:"redirectUris"`
		ImplicitGrantSettings struct{ EnableIDTokenIssuance, EnableAccessTokenIssuance *bool }
	}
	PublicClient           struct{ RedirectURIs []string }
	IsFallbackPublicClient bool
	OptionalClaims         struct{ AccessToken []struct{ Name string } }
	API                    struct {
		RequestedAccessTokenVersion int
		OAuth2PermissionScopes      []struct {
			ID, Value, Type string
			IsEnabled       bool
		}
		PreAuthorizedApplications []struct {
			AppID                  string `json:"appId"`
			DelegatedPermissionIDs []string
		}
	}
	AppRoles []struct {
		ID, Value          string
		IsEnabled          bool
		AllowedMemberTypes []string
	}
	IdentifierURIs []string
}

// sent finds the bodies of changes, and holds that each is JSON.
func sent(t *testing.T, posted []string, change string) (found []string) {
	t.Helper()
	for _, line := range posted {
		method, rest, _ := strings.Cut(line, " ")
		path, body, _ := strings.Cut(rest, " ")
		if !json.Valid([]byte(body)) {
			t.Errorf("no JSON: %s", line)
		}
		if method+" "+path == change {
			found = append(found, body)
		}
	}
	return found
}

func TestTheRegistrationsAreWhatTheProgramExpects(t *testing.T) {
	t.Parallel()
	folder := registrations(t)
	code, said, posted := register(t, folder, "y\n", "--identity", principal, appAt+"/")
	if code != 0 || len(posted) != 10 {
		t.Fatalf("exit %d, %d changes\n%s\n%s", code, len(posted), strings.Join(posted, "\n"), said)
	}
	decode := func(body string) (m manifest) {
		t.Helper()
		if err := json.Unmarshal([]byte(body), &m); err != nil {
			t.Fatal(err)
		}
		return m
	}
	apps := sent(t, posted, "post applications")
	if len(apps) != 2 {
		t.Fatalf("%d registrations were made", len(apps))
	}
	web, cli := decode(apps[0]), decode(apps[1])
	scopes := web.API.OAuth2PermissionScopes
	if web.SignInAudience != "AzureADMyOrg" || web.API.RequestedAccessTokenVersion != 2 || len(scopes) != 1 ||
		!strings.HasSuffix(wire.SignIn{API: "x"}.Scope("h"), "/"+scopes[0].Value) || scopes[0].Type != "Admin" ||
		!scopes[0].IsEnabled || web.IsFallbackPublicClient || len(web.PublicClient.RedirectURIs) != 0 ||
		len(web.Web.RedirectURIs) != 1 || web.Web.RedirectURIs[0] != appAt+"/api/signin/callback" ||
		len(web.OptionalClaims.AccessToken) != 1 || web.OptionalClaims.AccessToken[0].Name != "idtyp" ||
		*web.Web.ImplicitGrantSettings.EnableIDTokenIssuance ||
		*web.Web.ImplicitGrantSettings.EnableAccessTokenIssuance {
		t.Errorf("%+v", web)
	}
	for i, role := range []wire.Role{wire.Reader, wire.Operator, wire.Approver} {
		got := web.AppRoles[i]
		if got.Value != string(role) || !got.IsEnabled ||
			strings.Join(got.AllowedMemberTypes, " ") != "User Application" {
			t.Errorf("%+v, want %s", got, role)
		}
	}
	if !cli.IsFallbackPublicClient || len(cli.PublicClient.RedirectURIs) != 1 ||
		cli.PublicClient.RedirectURIs[0] != "http://localhost" || cli.API.RequestedAccessTokenVersion != 0 ||
		len(cli.Web.RedirectURIs) != 0 || cli.SignInAudience != "AzureADMyOrg" {
		t.Errorf("%+v", cli)
	}
	patches := sent(t, posted, "patch applications/obj-web")
	if len(patches) != 2 || decode(patches[0]).IdentifierURIs[0]+"/Cordon.Use" !=
		(wire.SignIn{API: "app-web"}).Scope("cordon.example.com") {
		t.Fatalf("%v", patches)
	}
	for i, client := range []string{"app-cli", "04b07795-8ddb-461a-bbee-02f9e1bf7b46"} {
		got := decode(patches[1]).API.PreAuthorizedApplications[i]
		if got.AppID != client || len(got.DelegatedPermissionIDs) != 1 ||
			got.DelegatedPermissionIDs[0] != scopes[0].ID {
			t.Errorf("%+v, want %s", got, client)
		}
	}
	for change, want := range map[string]string{
		"patch servicePrincipals/sp-app-web": `{"appRoleAssignmentRequired":true}`,
		"post applications/obj-web/federatedIdentityCredentials": `{"name":"cordon-` + principal +
			`","issuer":"https://login.microsoftonline.com/94fe6bd2-8d0e-4b7b-9a64-5c2d71e0b9f4/v2.0","subject":"` +
			principal + `","audiences":["api://AzureADTokenExchange"]}`,
	} {
		if got := sent(t, posted, change); len(got) != 1 || got[0] != want {
			t.Errorf("%s: %v, want %s", change, got, want)
		}
	}
	if grants := sent(t, posted, "post oauth2PermissionGrants"); len(grants) != 2 ||
		strings.Contains(strings.Join(grants, ""), "Read") {
		t.Errorf("%v", grants)
	}
	for _, setting := range []string{
		"CORDON_APP_URL=" + appAt, "CORDON_SIGNIN_CLIENT_ID=app-web", "CORDON_CLI_CLIENT_ID=app-cli",
	} {
		if !strings.Contains(said, "  "+setting+"\n") {
			t.Errorf("it does not say %s:\n%s", setting, said)
		}
	}
	if strings.Contains(said, "CORDON_SIGNIN_SECRET") {
		t.Errorf("it asks for a secret:\n%s", said)
	}
}

func TestRegisteringTwiceRegistersOnce(t *testing.T) {
	t.Parallel()
	folder := registrations(t)
	if code, said, posted := register(t, folder, "", "--yes", appAt); code != 0 || len(posted) != 9 ||
		!strings.Contains(said, "CORDON_SIGNIN_SECRET or CORDON_SIGNIN_CERTIFICATE") {
		t.Fatalf("exit %d, %v\n%s", code, posted, said)
	}
	if code, said, posted := register(t, folder, "", appAt); code != 0 || len(posted) != 0 ||
		!strings.Contains(said, "Nothing to do.") || !strings.Contains(said, "CORDON_CLI_CLIENT_ID=app-cli") {
		t.Errorf("again: exit %d, %v\n%s", code, posted, said)
	}
	if code, said, posted := register(t, folder, "", "--yes", "--identity", principal, appAt); code != 0 ||
		len(posted) != 1 || !strings.Contains(posted[0], "federatedIdentityCredentials") {
		t.Errorf("with an identity: exit %d, %v\n%s", code, posted, said)
	}
	for file, change := range map[string]string{
		"is": "patch applications/obj-web", "required": "patch servicePrincipals/sp-app-web",
		"allowed": "patch applications/obj-web", "consent-sp-app-cli": "post oauth2PermissionGrants",
	} {
		put(t, folder, file, map[string]string{"required": "False\n", "allowed": "1\n"}[file])
		if code, said, posted := register(t, folder, "n\n", "--identity", principal, appAt); code != 1 ||
			len(posted) != 0 || !strings.Contains(said, "  will ") {
			t.Errorf("%s changed: exit %d, %v\n%s", file, code, posted, said)
		}
		code, said, posted := register(t, folder, "", "--yes", "--identity", principal, appAt)
		if code != 0 || len(sent(t, posted, change)) == 0 || len(posted) > 2 {
			t.Errorf("%s mended: exit %d, %v\n%s", file, code, posted, said)
		}
	}
}

func TestRegisteringStopsAtWhatIsRefusedAndGoesOnAfterwards(t *testing.T) {
	t.Parallel()
	for _, refused := range []string{
		"applications/obj-web/federatedIdentityCredentials", "servicePrincipals/sp-app-web", "oauth2PermissionGrants",
	} {
		t.Run(refused, func(t *testing.T) {
			t.Parallel()
			folder := registrations(t)
			put(t, folder, "refuse", refused)
			code, said, _ := register(t, folder, "", "--yes", "--identity", principal, appAt)
			if code != 1 || !strings.Contains(said, "refused: ") || !strings.Contains(said, refused) ||
				strings.Contains(said, "Settings of the app") {
				t.Errorf("exit %d\n%s", code, said)
			}
			if err := os.Remove(filepath.Join(folder, "refuse")); err != nil {
				t.Fatal(err)
			}
			code, said, posted := register(t, folder, "", "--yes", "--identity", principal, appAt)
			if code != 0 || len(sent(t, posted, "post applications")) > 1 || !strings.Contains(said, "CORDON_APP_URL") {
				t.Errorf("again: exit %d, %v\n%s", code, posted, said)
			}
			if code, said, posted := register(t, folder, "", "--identity", principal, appAt); code != 0 ||
				len(posted) != 0 {
				t.Errorf("a third time: exit %d, %v\n%s", code, posted, said)
			}
		})
	}
}

func TestTheExchangeIsThatOfTheCloud(t *testing.T) {
	t.Parallel()
	folder := registrations(t)
	put(t, folder, "login", "https://login.microsoftonline.us/\n")
	_, said, posted := register(t, folder, "", "--yes", "--identity", principal, appAt)
	if got := sent(t, posted, "post applications/obj-web/federatedIdentityCredentials"); len(got) != 1 ||
		!strings.Contains(got[0], `"api://AzureADTokenExchangeUSGov"`) ||
		!strings.Contains(got[0], `"https://login.microsoftonline.us/94fe6bd2`) {
		t.Errorf("%v\n%s", got, said)
	}
}

func TestWrongCommandLinesOfTheRegistrationsAreRefused(t *testing.T) {
	t.Parallel()
	folder := registrations(t)
	for _, args := range [][]string{
		{}, {"cordon.example.com"}, {"http://cordon.example.com"}, {"https://"}, {"https://cordon.example.com/app"},
		{"https://Cordon.example.com"}, {"https://cordon.example.com'"}, {"https://u@cordon.example.com"},
		{appAt, appAt},
		{"--all", appAt}, {appAt, "--identity"}, {"--identity", "me", appAt}, {"--identity", principal[:35], appAt},
		{"--name", `"`, appAt}, {"--name", "", appAt}, {"--name"}, {"https://$(reboot)"},
	} {
		if code, said, posted := register(t, folder, "", args...); code != 2 || len(posted) != 0 ||
			!strings.Contains(said, "APP-URL") {
			t.Errorf("%v: exit %d, %v\n%s", args, code, posted, said)
		}
	}
	if code, said, _ := register(t, folder, "", "--help"); code != 0 || !strings.Contains(said, "Exit code 0") {
		t.Errorf("help: exit %d\n%s", code, said)
	}
}

// TestTheSettingsThatAreToldExist holds the script against the program.
func TestTheSettingsThatAreToldExist(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	for _, s := range config.Settings() {
		known[s.Name] = true
	}
	for _, name := range regexp.MustCompile(`CORDON_[A-Z_]+`).FindAllString(read(t, "app-registrations.sh"), -1) {
		if !known[name] {
			t.Errorf("%s is no setting", name)
		}
	}
}
