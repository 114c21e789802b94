// Package config reads Cordon's settings: app settings in Azure, which the program sees as environment variables. Load
// takes them from a function, never from the environment itself, checks all of them and reports everything that is
// wrong at once. It does no I/O: files that settings name are opened by whoever uses them.
//
// Own settings begin with CORDON_; what the Functions host defines keeps its own name.
package config

import (
	"errors"
	"fmt"
	"net/mail"
	"net/url"
	"time"
)

// Config is the checked settings. Every field has a value that can be used; see Settings for names and meanings.
type Config struct {
	Mode string // observe or enforce: the ceiling over the playbook's mode

	Cloud    string // global, gcc, gcchigh or dod
	TenantID string
	// of the app registration, or of a user-assigned identity; empty: the system-assigned identity
	ClientID          string
	ClientSecret      Secret
	WebhookSecret     Secret   // that those who push alerts have to know; none: the host's function key is enough
	ClientCertificate string   // path of a PEM file; empty, as ClientSecret: a managed identity
	AuthorityURL      *url.URL // of the cloud, if not set
	DefenderURL       *url.URL // of the cloud, if not set
	DefenderAudience  string   // the token's scope without /.default
	GraphURL          *url.URL // of the cloud, if not set
	GraphAudience     string   // the token's scope without /.default
	CAFile            string   // empty: only the system's certificate authorities are trusted

	SignIn SignIn // zero: sign-in and the operator API are off

	ServiceBus  ServiceBus
	AlertQueue  string
	NoticeQueue string
	Storage     Storage
	TablePrefix string

	AlertSource string // defender, graph or both: where alerts are read

	Playbook       string // path, joined to the app root
	PollSchedule   string // six fields, UTC; empty, as the others: not set, see Lapses
	FollowSchedule string
	HuntSchedule   string
	PollEvery      time.Duration // the longest pause that PollSchedule makes; 0: it is not set
	FollowEvery    time.Duration
	HuntEvery      time.Duration
	Hunts          string // folder, joined to the app root
	HuntsNamed     bool   // CORDON_HUNTS is set: the folder has to be there

	PollOverlap    time.Duration
	PollLookback   time.Duration
	SnapshotMaxAge time.Duration
	NoticeWindow   time.Duration
	StaleAfter     time.Duration
	IsolationLift  time.Duration
	RecheckAfter   time.Duration
	LatchHold      time.Duration
	MessageLock    time.Duration
	RetryAfter     time.Duration
	SweepAfter     time.Duration
	Retention      time.Duration
	FactsRetention time.Duration

	MailFrom     mail.Address
	MailTo       []mail.Address // at least one
	OperatorMail []mail.Address // MailTo, if not set
	TimeZone     *time.Location // of the times in mails
	OnlyOutcomes bool           // that something is asked for makes no mail
	SMTPURL      Secret         // an smtp or smtps URL with a host; may hold a password; none: mail goes through Graph

	MailUnresolved    bool // SMTPURL is set, and its secret could not be read: no mail is sent, see Lapses
	WebhookUnresolved bool // so is WebhookSecret: no push is taken
	SignInUnresolved  bool // so is SignIn.Secret: nobody signs in with a browser; tokens are taken as before

	Port    int    // on which the host calls; 0: any free one
	AppRoot string // the folder with host.json
}

// ServiceBus says how the queues are reached: exactly one of connection string and namespace is set.
type ServiceBus struct {
	ConnectionString Secret
	Namespace        string // host name, for tokens instead of keys
	Identity         Identity
}

// Storage says where the tables are: exactly one of connection string and URL is set.
type Storage struct {
	ConnectionString Secret   // complete: UseDevelopmentStorage=true is written out
	TableURL         *url.URL // for tokens instead of keys
	Identity         Identity
}

// Identity says whose tokens a connection uses, as the same settings say it to the Functions host. The zero value is
// the identity that the app uses elsewhere.
type Identity struct {
	Managed  bool   // a managed identity of the connection's own
	ClientID string // of a user-assigned one; empty: the system-assigned one
}

// SignIn says where people sign in, and at which app registration. Without a secret and a certificate the managed
// identity of the app vouches for the registration, by a federated credential.
type SignIn struct {
	AppURL      *url.URL // scheme and host of the app, nothing else
	ClientID    string   // of the registration that people sign in to, in lower case
	Secret      Secret
	Certificate string // path of a PEM file
	CLIClientID string // of the registration of the command line, in lower case; empty: there is none
}

// On says whether people can sign in.
func (s SignIn) On() bool { return s.AppURL != nil && s.ClientID != "" }

// Error lists everything that is wrong with the settings. Error() prints it for people; no secret is in it.
type Error struct{ Problems []Problem }

// Problem is one wrong setting.
type Problem struct {
	Name    string // of the setting
	Message string // what is wrong, with the value unless that is secret, and what is expected
}

// Error is the problem in one line.
func (p Problem) Error() string { return p.Name + ": " + p.Message }

// Join makes one list of the problems that Load found and of those that show when what settings name is opened. Of one
// setting it keeps the first. Errors that are neither an *Error nor a Problem follow below; nil: there is none at all.
func Join(errs ...error) error {
	all := &problems{}
	var others []error
	for _, err := range errs {
		var list *Error
		var one Problem
		switch {
		case errors.As(err, &list):
			for _, p := range list.Problems {
				all.add(p.Name, "%s", p.Message)
			}
		case errors.As(err, &one):
			all.add(one.Name, "%s", one.Message)
		case err != nil:
			others = append(others, err)
		}
	}
	if len(all.found) > 0 {
		all.sort()
		others = append([]error{&Error{all.found}}, others...)
	}
	return errors.Join(others...)
}

// Error prints one line per problem.
func (e *Error) Error() string {
	text := fmt.Sprintf("%d settings are wrong:", len(e.Problems))
	if len(e.Problems) == 1 {
		text = "1 setting is wrong:"
	}
	for _, p := range e.Problems {
		text += "\n  " + p.Error()
	}
	return text
}
