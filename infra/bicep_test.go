// Package infra holds the deployment files against the program: there is no Bicep compiler in the tests, so they read
// the files themselves.
package infra

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// bicep is one file, as far as the tests read it.
type bicep struct {
	text    string
	params  map[string]bool // by name; true: it has a default
	modules []module
}

// module is one use of another file.
type module struct {
	file   string
	params []string
}

func read(t *testing.T, path string) string {
	t.Helper()
	body, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func bicepFiles(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("*.bicep")
	if err != nil || len(files) < 7 {
		t.Fatal(files, err)
	}
	return files
}

func readBicep(t *testing.T, path string) bicep {
	t.Helper()
	b := bicep{text: read(t, path), params: map[string]bool{}}
	for _, p := range regexp.MustCompile(`(?m)^param (\w+) [\w\[\]]+( = )?`).FindAllStringSubmatch(b.text, -1) {
		b.params[p[1]] = p[2] != ""
	}
	for _, m := range regexp.MustCompile(`(?ms)^module \w+ '([^']+)' = \{\n(.*?)^\}`).FindAllStringSubmatch(b.text,
		-1) {
		one := module{file: m[1]}
		_, body, found := strings.Cut(m[2], "\n  params: {\n")
		if !found {
			t.Fatalf("%s passes no parameters to %s", path, m[1])
		}
		body, _, _ = strings.Cut(body, "\n  }\n")
		for _, p := range regexp.MustCompile(`(?m)^    (\w+): `).FindAllStringSubmatch(body+"\n", -1) {
			one.params = append(one.params, p[1])
		}
		b.modules = append(b.modules, one)
	}
	return b
}

// resources are the declarations of a file by their symbols: what stands between the braces.
func resources(t *testing.T, path string) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, r := range regexp.MustCompile(`(?ms)^resource (\w+) '[^']+' = (?:if \([^\n]*\) )?(?:\[\n  for `+
		`[^\n]*)?\{\n(.*?)^\}?\]?$`).FindAllStringSubmatch(read(t, path), -1) {
		found[r[1]] = r[2]
	}
	return found
}

// deployed are the app settings of cordon.bicep, with the expression of each; those that are left out unless they have
// a value among them.
func deployed(t *testing.T) map[string]string {
	t.Helper()
	text := read(t, "cordon.bicep")
	settings := map[string]string{}
	for _, block := range []string{"var settings = {\n", "var optionalSettings = union(\n"} {
		_, rest, found := strings.Cut(text, block)
		if !found {
			t.Fatalf("cordon.bicep has no %q", block)
		}
		rest, _, _ = strings.Cut(rest, map[bool]string{true: "\n}\n", false: "\n)\n"}[strings.HasSuffix(block, "{\n")])
		for line := range strings.SplitSeq(rest, "\n") {
			line = strings.TrimSpace(line)
			if line == "" || strings.HasPrefix(line, "//") {
				continue
			}
			m := regexp.MustCompile(`^(?:empty\(\w+\) \? \{\} : \{ )?(\w+): (.+?)(?: \},?)?$`).FindStringSubmatch(line)
			if m == nil {
				t.Fatalf("the line %q of the settings is not understood", line)
			}
			if _, twice := settings[m[1]]; twice {
				t.Errorf("%s is set twice", m[1])
			}
			settings[m[1]] = m[2]
		}
	}
	return settings
}

func TestBracketsAndQuotesOfTheBicepFilesMatch(t *testing.T) {
	t.Parallel()
	for _, file := range bicepFiles(t) {
		// What stands in texts is not counted, but for the expressions in them, which close what they open.
		text := regexp.MustCompile(`(?s)'''.*?'''`).ReplaceAllString(read(t, file), "''")
		text = regexp.MustCompile(`(?m)(^|\s)//.*$`).ReplaceAllString(text, "")
		if strings.Count(strings.ReplaceAll(text, `\'`, ""), "'")%2 != 0 {
			t.Errorf("%s has a quote too many", file)
		}
		var open []rune
		closes := map[rune]rune{')': '(', ']': '[', '}': '{'}
		for _, r := range text {
			switch r {
			case '(', '[', '{':
				open = append(open, r)
			case ')', ']', '}':
				if len(open) == 0 || open[len(open)-1] != closes[r] {
					t.Fatalf("%s closes %c without having opened it", file, r)
				}
				open = open[:len(open)-1]
			}
		}
		if len(open) > 0 {
			t.Errorf("%s leaves %s open", file, string(open))
		}
	}
}

func TestModulesGetTheParametersThatTheyDeclare(t *testing.T) {
	t.Parallel()
	uses := 0
	for _, file := range bicepFiles(t) {
		for _, use := range readBicep(t, file).modules {
			uses++
			declared := readBicep(t, use.file).params
			given := map[string]bool{}
			for _, name := range use.params {
				given[name] = true
				if _, ok := declared[name]; !ok {
					t.Errorf("%s gives %s the parameter %s, which it does not have", file, use.file, name)
				}
			}
			for name, hasDefault := range declared {
				if !hasDefault && !given[name] {
					t.Errorf("%s does not give %s the parameter %s", file, use.file, name)
				}
			}
		}
	}
	if uses != 5 {
		t.Errorf("%d uses of modules were found", uses)
	}
}

func TestParametersAreUsed(t *testing.T) {
	t.Parallel()
	for _, file := range bicepFiles(t) {
		b := readBicep(t, file)
		for name := range b.params {
			if len(regexp.MustCompile(`\b`+name+`\b`).FindAllString(b.text, -1)) < 2 {
				t.Errorf("%s does nothing with its parameter %s", file, name)
			}
		}
		for _, v := range regexp.MustCompile(`(?m)^var (\w+) = `).FindAllStringSubmatch(b.text, -1) {
			if len(regexp.MustCompile(`\b`+v[1]+`\b`).FindAllString(b.text, -1)) < 2 {
				t.Errorf("%s does nothing with its variable %s", file, v[1])
			}
		}
	}
}

func TestNothingInTheGroupTakesAKey(t *testing.T) {
	t.Parallel()
	text := read(t, "cordon.bicep")
	for _, line := range []string{
		"allowSharedKeyAccess: false", "disableLocalAuth: true",
		"DisableLocalAuth: true", "enableRbacAuthorization: true",
	} {
		if !strings.Contains(text, line) {
			t.Errorf("cordon.bicep lacks %s", line)
		}
	}
	for _, file := range bicepFiles(t) {
		if found := regexp.MustCompile(`(?i)listKeys|AccountKey|SharedAccessKey=`).FindString(read(t,
			file)); found != "" {
			t.Errorf("%s has %s", file, found)
		}
	}
}

// TestResourcesHaveOneVersionEach reads the versions of the services' interfaces, in every file.
func TestResourcesHaveOneVersionEach(t *testing.T) {
	t.Parallel()
	versions := map[string]string{}
	for _, file := range bicepFiles(t) {
		for _, r := range regexp.MustCompile(`(?m)^resource \w+ '(Microsoft\.\w+/\w+)[\w/]*@([\w-]+)'`).FindAllStringSubmatch(read(t, file), -1) {
			if before, seen := versions[r[1]]; seen && before != r[2] {
				t.Errorf("%s has %s of %s, and elsewhere it is of %s", file, r[1], r[2], before)
			}
			versions[r[1]] = r[2]
		}
	}
	for kind, version := range map[string]string{
		"Microsoft.ServiceBus/namespaces": "2026-01-01",
		"Microsoft.KeyVault/vaults":       "2026-05-15",
	} {
		if versions[kind] != version {
			t.Errorf("%s is of %q", kind, versions[kind])
		}
	}
	page := read(t, "../docs/deploy.md")
	for kind, version := range versions {
		if !strings.Contains(page, version) {
			t.Errorf("docs/deploy.md does not name the version %s of %s", version, kind)
		}
	}
}

func TestEveryParameterHasATypeThatIsChecked(t *testing.T) {
	t.Parallel()
	for _, file := range bicepFiles(t) {
		text := read(t, file)
		for _, p := range regexp.MustCompile(`(?m)^param (\w+) (object|array)\b`).FindAllStringSubmatch(text, -1) {
			t.Errorf("%s: %s is of type %s: anything goes", file, p[1], p[2])
		}
		for _, secret := range regexp.MustCompile(`(?m)^(.*)\nparam (smtpUrl|webhookSecret) `).FindAllStringSubmatch(text, -1) {
			if secret[1] != "@secure()" {
				t.Errorf("%s: %s would be shown in the portal", file, secret[2])
			}
		}
	}
}

// TestTheFilesAreLaidOutAsTheCompilerDoes holds the part of its format that can be seen without it.
func TestTheFilesAreLaidOutAsTheCompilerDoes(t *testing.T) {
	t.Parallel()
	for _, file := range bicepFiles(t) {
		text := read(t, file)
		if strings.Contains(text, "\n\n\n") || !strings.HasSuffix(text, "\n") || strings.HasSuffix(text, "\n\n") {
			t.Errorf("%s has empty lines too many, or no last line", file)
		}
		// Texts of several lines are left alone.
		for line := range strings.SplitSeq(regexp.MustCompile(`(?s)'''.*?'''`).ReplaceAllString(text, "''''''"), "\n") {
			indent := len(line) - len(strings.TrimLeft(line, " "))
			// cannot be broken
			single := regexp.MustCompile(`^\s*(//|@description\('|description: ')|^resource .* = if \(`).MatchString(line)
			if strings.Contains(line, "\t") || strings.TrimRight(line, " ") != line || indent%2 != 0 ||
				len(line) > 120 && !single {
				t.Errorf("%s: %q", file, line)
			}
		}
		if regexp.MustCompile(`\w\('''`).MatchString(text) {
			t.Errorf("%s: a text of several lines is no first argument on the line of its function", file)
		}
	}
}

// TestNoIdentityOfTheAppMayWriteThePackage reads what is granted where. An app can act as each of its identities.
func TestNoIdentityOfTheAppMayWriteThePackage(t *testing.T) {
	t.Parallel()
	granted := map[string]string{}
	for symbol, body := range resources(t, "roles.bicep") {
		role := regexp.MustCompile(`'Microsoft.Authorization/roleDefinitions', (\w+)\)`).FindStringSubmatch(body)
		scope := regexp.MustCompile(`(?m)^ +scope: (\w+)`).FindStringSubmatch(body)
		if role == nil || scope == nil {
			t.Errorf("roles.bicep: what %s grants is not understood:\n%s", symbol, body)
			continue
		}
		granted[scope[1]] += role[1] + " "
	}
	if granted["packages"] != "blobDataReader " || granted["packageStorage"]+granted["packageBlobs"] != "" ||
		!strings.Contains(granted["storage"], "blobDataOwner ") {
		t.Errorf("%v", granted)
	}
	cordon := resources(t, "cordon.bicep")
	if !strings.Contains(cordon["packages"], "parent: blobs") ||
		!strings.Contains(cordon["blobs"], "parent: packageStorage") ||
		!strings.Contains(read(t, "cordon.bicep"),
			"packageUrl: '${packageStorage.properties.primaryEndpoints.blob}${packageContainer}'") {
		t.Error("the package is not in the account of its own")
	}
	for symbol, body := range cordon {
		if strings.Contains(body, "roleDefinitionId") {
			t.Errorf("cordon.bicep: %s grants something, which roles.bicep does", symbol)
		}
	}
}

// TestWhatCordonRestsOnIsRecordedAndKept holds the records of writes, the lock and the copies.
func TestWhatCordonRestsOnIsRecordedAndKept(t *testing.T) {
	t.Parallel()
	recorded := map[string]string{}
	for symbol, body := range resources(t, "audit.bicep") {
		scope := regexp.MustCompile(`(?m)^  scope: (\w+)$`).FindStringSubmatch(body)
		if scope == nil || !strings.Contains(body, "workspaceId: workspaceId") {
			t.Errorf("audit.bicep: %s records nothing", symbol)
			continue
		}
		for _, c := range regexp.MustCompile(`category: '(\w+)', enabled: true`).FindAllStringSubmatch(body, -1) {
			recorded[scope[1]] += c[1] + " "
		}
	}
	for scope, categories := range map[string]string{
		"tables":       "StorageWrite StorageDelete ",
		"packageBlobs": "StorageWrite StorageDelete ",
		"vault":        "AuditEvent ",
		"bus":          "OperationalLogs ",
	} {
		if recorded[scope] != categories {
			t.Errorf("of %s is recorded %q", scope, recorded[scope])
		}
	}
	cordon := resources(t, "cordon.bicep")
	if !strings.Contains(cordon["lock"], "scope: storage") ||
		!strings.Contains(cordon["lock"], "level: 'CanNotDelete'") {
		t.Error("the ledger's account has no lock")
	}
	if !strings.Contains(read(t, "cordon.bicep"), "param storageSku string = 'Standard_ZRS'") {
		t.Error("the ledger is in one data centre")
	}
	if !strings.Contains(read(t, "cordon.bicep"), "\nresource vault 'Microsoft.KeyVault/vaults@2026-05-15' = {\n") {
		t.Error("the vault is not always there")
	}
}
