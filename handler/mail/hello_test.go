package mail

import (
	"bufio"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-smtp"

	"cordon/local/smtpsink"
)

// public is a relay that wants to know who calls: address literals and localhost are turned away, as Google's does.
func public(names *sync.Map) smtpsink.Options {
	return smtpsink.Options{RejectHello: func(name string) error {
		names.Store(name, true)
		if strings.HasPrefix(name, "[") || strings.EqualFold(name, "localhost") {
			return &smtp.SMTPError{
				Code:         421,
				EnhancedCode: smtp.EnhancedCode{4, 7, 0},
				Message:      "Try again later, closing connection. (EHLO)",
			}
		}
		return nil
	}}
}

func TestTheSendersDomainIsSaidOrWhatIsConfigured(t *testing.T) {
	config, roots := certificate(t)
	for url, want := range map[string]string{
		plainURL:                                "contoso.com",
		plainURL + "&hello=cordon.fabrikam.com": "cordon.fabrikam.com",
		"smtp://127.0.0.1:PORT":                 "contoso.com",
		"smtps://127.0.0.1:PORT":                "contoso.com",
	} {
		var names sync.Map
		o := public(&names)
		if !strings.Contains(url, "tls=none") {
			o.TLS, o.ImplicitTLS = config, strings.HasPrefix(url, "smtps")
		}
		sink, port := serve(t, o)
		s := sender(t, url, port, roots)
		if err := s.Send(t.Context(), good()); err != nil || len(sink.Mails()) != 1 {
			t.Errorf("%s: %d mails, %v", url, len(sink.Mails()), err)
		}
		names.Range(func(name, _ any) bool {
			if name != want {
				t.Errorf("%s: said %q, want %q", url, name, want)
			}
			return true
		})
	}
}

func TestACheckSaysTheConfiguredName(t *testing.T) {
	var names sync.Map
	_, port := serve(t, public(&names))
	if err := sender(t, plainURL+"&hello=contoso.com", port, nil).Check(t.Context()); err != nil {
		t.Error(err)
	}
	if e := failed(t, sender(t, plainURL, port, nil).Check(t.Context())); e.Op != OpGreeting || e.Code != 421 ||
		!e.Temporary() {
		t.Errorf("%v", e)
	}
}

// dialect stands before a server and has it say some things in other words, until TLS begins.
func dialect(t *testing.T, port int, words *strings.Replacer) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var open sync.WaitGroup
	open.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
			if err != nil {
				t.Error(err)
				client.Close()
				return
			}
			open.Go(func() { _, _ = io.Copy(server, client); server.Close() })
			open.Go(func() { translate(client, server, words); client.Close() })
		}
	})
	t.Cleanup(func() { l.Close(); open.Wait() })
	return l.Addr().(*net.TCPAddr).Port
}

func translate(to io.Writer, from io.Reader, words *strings.Replacer) {
	lines := bufio.NewReader(from)
	for {
		line, err := lines.ReadString('\n')
		if strings.HasPrefix(line, "250") {
			line = words.Replace(line)
		}
		if _, failed := io.WriteString(to, line); failed != nil || err != nil {
			return
		}
		if strings.HasPrefix(line, "220 2.0.0") { // ready to start TLS
			_, _ = io.Copy(to, lines)
			return
		}
	}
}

func TestWhatIsOfferedIsUnderstoodInEverySpelling(t *testing.T) {
	config, roots := certificate(t)
	const login = "smtp://cordon:" + secret + "@127.0.0.1:PORT"
	for _, tt := range []struct {
		name, url string
		tls       bool
		words     []string
		op        string // of the failure; empty: it arrives
	}{
		{"old form", login + "?tls=none", false, []string{"AUTH PLAIN LOGIN", "AUTH=LOGIN"}, ""},
		{"old form of two", login + "?tls=none", false, []string{"AUTH PLAIN LOGIN", "AUTH=LOGIN PLAIN"}, ""},
		{
			"both forms, and a mechanism in the old one alone", login + "?tls=none", false,
			[]string{"AUTH PLAIN LOGIN", "AUTH NTLM\r\n250-AUTH=LOGIN"}, "",
		},
		{"small letters", login + "?tls=none", false, []string{"AUTH PLAIN LOGIN", "auth login plain"}, ""},
		{
			"old form in small letters", login + "?tls=none&auth=login", false,
			[]string{"AUTH PLAIN LOGIN", "auth=login"}, "",
		},
		{"mixed letters", login + "?tls=none&auth=plain", false, []string{"AUTH PLAIN LOGIN", "Auth Plain"}, ""},
		{"STARTTLS in small letters", login, true, []string{"STARTTLS", "starttls"}, ""},
		{"STARTTLS in mixed letters", login, true, []string{"STARTTLS", "StartTLS"}, ""},
		{"nothing that fits", login + "?tls=none", false, []string{"AUTH PLAIN LOGIN", "AUTH=NTLM"}, OpLogin},
		{"what only looks like it", login + "?tls=none", false, []string{"AUTH PLAIN LOGIN", "XAUTH LOGIN"}, OpLogin},
		{"no STARTTLS", login, true, []string{"STARTTLS", "XSTARTTLS"}, OpTLS},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := smtpsink.Options{Username: "cordon", Password: secret}
			if tt.tls {
				o.TLS = config
			}
			sink, port := serve(t, o)
			err := sender(t, tt.url, dialect(t, port, strings.NewReplacer(tt.words...)), roots).Send(t.Context(),
				good())
			if tt.op != "" {
				if e := failed(t, err); e.Op != tt.op || e.Temporary() || len(sink.Mails()) > 0 {
					t.Errorf("%v, %d mails", e, len(sink.Mails()))
				}
				return
			}
			if err != nil || len(sink.Mails()) != 1 {
				t.Errorf("%d mails, %v", len(sink.Mails()), err)
			}
		})
	}
}
