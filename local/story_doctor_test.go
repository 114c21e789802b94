package main

import (
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"cordon/local/world"
)

func TestStoryDoctorFindsTheRunningAppWellAndDisturbsNothing(t *testing.T) {
	t.Parallel()
	s := newStory(t, world.Options{}, nil)
	root, err := app()
	if err != nil {
		t.Fatal(err)
	}
	s.Settings["FUNCTIONS_APP_ROOT_PATH"] = root
	code, stdout, stderr := s.cordon(slices.Sorted(maps.Keys(s.Settings)), "doctor", "--direct", "--send-test")
	if code != 0 || strings.Contains(stdout, "warning ") || strings.Contains(stdout, world.ClientSecret) {
		t.Errorf("code %d\n%s%s", code, stdout, stderr)
	}
	if mails := s.Mail.Mails(); len(mails) != 1 || !strings.Contains(mails[0].Subject, "a test") {
		t.Errorf("%d mails", len(mails))
	}
	for _, queue := range []string{world.AlertQueue, world.NoticeQueue} {
		if c := s.Bus.Counts(queue); c.Scheduled != 0 || c.DeadLettered != 0 {
			t.Errorf("left on %s: %+v", queue, c)
		}
	}
	if n := s.isolations(); n != 0 {
		t.Errorf("%d isolations", n)
	}
	s.Settings["CORDON_CLIENT_SECRET"] = "another"
	command := exec.CommandContext(t.Context(), filepath.Join(root, "cordon"), "doctor", "--direct")
	for name, value := range s.Settings {
		command.Env = append(command.Env, name+"="+value)
	}
	if out, _ := command.CombinedOutput(); command.ProcessState.ExitCode() != 1 ||
		!strings.Contains(string(out), "CORDON_CLIENT_SECRET") {
		t.Errorf("with another secret: code %d\n%s", command.ProcessState.ExitCode(), out)
	}
}
