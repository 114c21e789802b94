package main

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"cordon/local/entrasim"
	"cordon/local/graphsim"
	"cordon/local/smtpsink"
	"cordon/local/world"
)

// noSecretLogged holds that none of the things that open a door is in the handler's log.
func (s *story) noSecretLogged() {
	s.t.Helper()
	for _, secret := range []string{
		world.ClientSecret, world.IdentityHeader, "eyJ", "PRIVATE KEY", "SharedAccessKey=", "AccountKey=",
	} {
		if n := s.logged(secret); n > 0 {
			s.t.Errorf("%q is in %d lines of the log", secret, n)
		}
	}
}

func TestStoryMailThroughGraphSurvivesAMissingPermissionAndThrottling(t *testing.T) {
	t.Parallel()
	s := newStory(t, world.Options{}, map[string]string{"CORDON_SMTP_URL": ""})
	denied := 2
	s.Graph.SetFault(func(*http.Request) *graphsim.Fault {
		s.mu.Lock()
		defer s.mu.Unlock()
		if denied--; denied >= 0 {
			return &graphsim.Fault{Status: http.StatusForbidden, Code: "ErrorAccessDenied"}
		}
		if denied == -1 {
			return &graphsim.Fault{Status: http.StatusTooManyRequests, Code: "TooManyRequests"}
		}
		return nil
	})
	s.highAlert()
	s.eventually("the log line that names the permission", func() bool {
		return s.logged("mail not sent", "Application Mail.Send", "CORDON_MAIL_FROM") > 0
	})
	s.eventually("the mail about the outcome", func() bool { return s.told("Isolated") })
	mails := s.Mail.Mails()
	for i, m := range mails {
		if m.From != "cordon@example.org" || !slices.Equal(m.To, []string{"soc@example.org"}) || m.HTML == "" ||
			m.MessageID == "" {
			t.Errorf("mail %d from %s to %v with id %q", i+1, m.From, m.To, m.MessageID)
		}
		if i > 0 && m.InReplyTo != mails[0].MessageID {
			t.Errorf("mail %d answers %q, want the first, %q", i+1, m.InReplyTo, mails[0].MessageID)
		}
	}
	accepted := 0
	for _, c := range s.Graph.Calls() {
		if c.Status == http.StatusAccepted {
			accepted++
		}
	}
	if accepted != len(mails) || s.isolations() != 1 {
		t.Errorf("%d mails accepted by Graph, %d in the inbox, %d isolations", accepted, len(mails), s.isolations())
	}
	s.noSecretLogged()
}

func TestStoryMailOfUnknownFateIsSentAgainWithTheSameMessageID(t *testing.T) {
	t.Parallel()
	s := newStory(t, world.Options{}, map[string]string{"CORDON_SMTP_URL": ""})
	first := true
	s.Graph.SetFault(func(*http.Request) *graphsim.Fault {
		s.mu.Lock()
		defer s.mu.Unlock()
		if first {
			first = false
			return &graphsim.Fault{LoseAnswer: true}
		}
		return nil
	})
	s.highAlert()
	s.eventually("the first mail a second time", func() bool {
		mails := s.Mail.Mails()
		return len(mails) > 1 &&
			slices.ContainsFunc(mails[1:], func(m smtpsink.Mail) bool { return m.MessageID == mails[0].MessageID })
	})
	s.eventually("the mail about the outcome", func() bool { return s.told("Isolated") })
	if n := s.isolations(); n != 1 {
		t.Errorf("%d isolations", n)
	}
}

func TestStoryCertificateInsteadOfASecret(t *testing.T) {
	t.Parallel()
	s := newStory(t, world.Options{Identity: world.ByCertificate}, map[string]string{"CORDON_SMTP_URL": ""})
	s.highAlert()
	s.eventually("the mail about the outcome", func() bool { return s.told("Isolated") })
	if n := s.isolations(); n != 1 || s.logged(`"msg":"identities"`, "certificate ") == 0 {
		t.Errorf("%d isolations, %d lines that name the certificate", n, s.logged(`"msg":"identities"`, "certificate "))
	}
	s.noSecretLogged()
}

func TestStoryManagedIdentitiesAndNoSecretAtAll(t *testing.T) {
	t.Parallel()
	s := newStory(t, world.Options{Identity: world.ByManaged}, map[string]string{"CORDON_SMTP_URL": ""})
	for name, value := range s.Settings {
		if value == world.ClientSecret || strings.Contains(value, "Key=") {
			t.Errorf("%s holds a secret", name)
		}
	}
	s.highAlert()
	s.eventually("the mail about the outcome", func() bool { return s.told("Isolated") })
	if n := s.isolations(); n != 1 {
		t.Errorf("%d isolations", n)
	}
	for _, resource := range []string{entrasim.ServiceBus, entrasim.Storage} {
		if !s.Called(resource, world.PlatformID) || s.Called(resource, world.SystemID) {
			t.Errorf("%s was called by the platform's identity %t, by the app's own %t", resource,
				s.Called(resource, world.PlatformID), s.Called(resource, world.SystemID))
		}
	}
	counts := s.Entra.Counts()
	// Two identities and four APIs in five processes; what else is asked would be a token that is not kept.
	if counts.Token != 0 || counts.AppService == 0 || counts.AppService > 4*processes {
		t.Errorf("%d requests for tokens with a credential, %d to the identity endpoint", counts.Token,
			counts.AppService)
	}
	s.noSecretLogged()
}

// processes is how many processes the handler has: one for each scale group.
const processes = 5
