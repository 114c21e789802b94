package config

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestWhatAFunctionNamesHasNoDefault holds every function.json: the host knows no defaults, so a function whose setting
// is missing does not run, whatever the program would take for it. A queue is needed to send at all; a schedule is not.
func TestWhatAFunctionNamesHasNoDefault(t *testing.T) {
	files, err := filepath.Glob("../../functions/*/function.json")
	if err != nil || len(files) < 8 {
		t.Fatalf("%v, %v", files, err)
	}
	names := 0
	for _, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range regexp.MustCompile(`%(\w+)%`).FindAllStringSubmatch(string(body), -1) {
			names++
			i := slices.IndexFunc(Settings(), func(s Setting) bool { return s.Name == match[1] })
			if i < 0 || Settings()[i].Default != "" {
				t.Errorf("%s names %s: a setting of the program %t, which has to have no default", file, match[1],
					i >= 0)
				continue
			}
			c, err := Load(settings(match[1], ""))
			if Settings()[i].Required {
				if err == nil || !strings.Contains(err.Error(), match[1]+": it is not set") {
					t.Errorf("without %s: %v", match[1], err)
				}
				continue
			}
			function := filepath.Base(filepath.Dir(file))
			want := func(l Lapse) bool {
				return l.Part == function && l.Setting == match[1] &&
					strings.HasPrefix(l.String(), function+" does not run: "+match[1]+" is not set")
			}
			if err != nil || !slices.ContainsFunc(c.Lapses(), want) {
				t.Errorf("without %s: %v, dropped %v", match[1], err, c.Lapses())
			}
		}
	}
	if names < 5 {
		t.Errorf("only %d names were found", names)
	}
	c, err := Load(settings("CORDON_POLL_SCHEDULE", "0 * * * * *", "CORDON_FOLLOW_SCHEDULE", "30 * * * * *",
		"CORDON_HUNT_SCHEDULE", "0 */5 * * * *"))
	if err != nil || len(c.Lapses()) != 0 || c.PollEvery != time.Minute || c.HuntEvery != 5*time.Minute {
		t.Errorf("%v, %+v", err, c)
	}
}

// TestNoProblemShowsWhatMayBeASecret puts into every setting what people put there by mistake.
func TestNoProblemShowsWhatMayBeASecret(t *testing.T) {
	for _, s := range Settings() {
		for _, value := range []string{
			"https://acc.table.core.windows.net/?sv=2024-11-04&sig=s3cr3t", "https://host.example/?code=s3cr3t",
			"https://user:s3cr3t@host.example", "http://s3cr3t@host.example/#x",
			"https://host.example/#access_token=s3cr3t", "x.example?code=s3cr3t",
			"DefaultEndpointsProtocol=https;AccountName=a;AccountKey=s3cr3t", "Endpoint=sb://x/;SharedAccessKey=s3cr3t",
			"-----BEGIN PRIVATE KEY----- s3cr3t", "http://[s3cr3t@", "://u:s3cr3t@h", "smtp://u:s3cr3t@h:x",
		} {
			changes := []string{s.Name, value}
			if base, _, split := strings.Cut(s.Name, "__"); split {
				changes = append(changes, base, "")
			}
			if c, err := Load(settings(changes...)); err != nil && strings.Contains(err.Error(), "s3cr3t") {
				t.Errorf("%s=%s: %v", s.Name, value, err)
			} else if shown := fmt.Sprint(c.AuthorityURL, c.DefenderURL, c.GraphURL,
				c.Storage.TableURL); strings.Contains(shown, "s3cr3t") && err == nil {
				t.Errorf("%s=%s is taken, and would be shown: %s", s.Name, value, shown)
			}
		}
	}
	if got := quote("0 ? * * * *"); got != `"0 ? * * * *"` {
		t.Error(got)
	}
}

// TestOnlyWhatNothingWorksWithoutStopsTheStart is about references to a key vault that the platform could not resolve.
func TestOnlyWhatNothingWorksWithoutStopsTheStart(t *testing.T) {
	for _, s := range Settings() {
		if !s.Secret {
			continue
		}
		c, err := Load(settings(s.Name, "@Microsoft.KeyVault(SecretUri=https://v.vault.azure.net/secrets/s)"))
		channel := s.Name == "CORDON_SMTP_URL" || s.Name == "CORDON_WEBHOOK_SECRET" || s.Name == "CORDON_SIGNIN_SECRET"
		if channel != (err == nil) {
			t.Errorf("%s: %v", s.Name, err)
		}
		told := slices.ContainsFunc(c.Lapses(), func(l Lapse) bool {
			return l.Setting == s.Name && strings.Contains(l.Text, "was not resolved")
		})
		if told != channel || c.MailUnresolved != (s.Name == "CORDON_SMTP_URL") ||
			c.WebhookUnresolved != (s.Name == "CORDON_WEBHOOK_SECRET") ||
			c.SignInUnresolved != (s.Name == "CORDON_SIGNIN_SECRET") {
			t.Errorf("%s: %v", s.Name, c.Lapses())
		}
	}
}
