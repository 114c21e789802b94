package queue_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"cordon/handler/queue"
	"cordon/local/servicebus"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
)

func TestErrorsSayWhatAndWhetherToTryAgain(t *testing.T) {
	t.Parallel()
	refuse := func(condition string) func(*bench) {
		return func(b *bench) {
			_ = b.RefuseSends("alerts", servicebus.Refusal{Condition: condition, Description: "no"})
		}
	}
	cases := map[string]struct {
		prepare   func(*bench)
		queue     string
		code      azservicebus.Code
		transient bool
	}{
		"no such queue": {func(*bench) {}, "none", azservicebus.CodeNotFound, false},
		"token refused": {func(b *bench) {
			b.RefuseTokens(true)
		}, "alerts", azservicebus.CodeUnauthorizedAccess, false},
		"out of reach": {func(b *bench) {
			b.RefuseConnections(true)
		}, "alerts", azservicebus.CodeConnectionLost, true},
		"busy for too long": {refuse(""), "alerts", "", true},
		"full":              {refuse("amqp:resource-limit-exceeded"), "alerts", "", true},
		"out of order":      {refuse("amqp:internal-error"), "alerts", azservicebus.CodeConnectionLost, true},
		"disabled":          {refuse("com.microsoft:entity-disabled"), "alerts", "", false},
		"permission is lost": {
			refuse("amqp:unauthorized-access"), "alerts", azservicebus.CodeUnauthorizedAccess, false,
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, nil)
			c.prepare(b)
			err := b.client.Send(t.Context(), c.queue, queue.Message{ID: "1"})
			var known *queue.Error
			if !errors.As(err, &known) {
				t.Fatalf("error %v", err)
			}
			if known.Code != c.code || known.Transient() != c.transient || known.Queue != c.queue ||
				known.Op != "send" {
				t.Errorf("%+v, transient %v", known, known.Transient())
			}
			if !strings.Contains(err.Error(), c.queue) {
				t.Errorf("the queue is not named: %v", err)
			}
		})
	}
}

func TestABusyBrokerIsAskedAgain(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	if err := b.RefuseSends("alerts", servicebus.Refusal{Times: 3}); err != nil {
		t.Fatal(err)
	}
	b.send(t, queue.Message{ID: "1"})
	if got := b.Counts("alerts").Active; got != 1 {
		t.Errorf("%d messages", got)
	}
}

func TestRetriesCanBeSwitchedOff(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(o *queue.Options) { o.Retries = -1 })
	if err := b.RefuseSends("alerts", servicebus.Refusal{Times: 1}); err != nil {
		t.Fatal(err)
	}
	if err := b.client.Send(t.Context(), "alerts", queue.Message{ID: "1"}); err == nil {
		t.Error("sent by a second try")
	}
	b.send(t, queue.Message{ID: "1"})
}

func TestTheEndOfAContextIsNoVerdict(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(o *queue.Options) {
		o.NewConn = func(ctx context.Context) (net.Conn, error) { // a network that swallows everything
			<-ctx.Done()
			return nil, ctx.Err()
		}
	})
	expired, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	cancelled, stop := context.WithCancel(t.Context())
	stop()
	for ctx, want := range map[context.Context]error{expired: context.DeadlineExceeded, cancelled: context.Canceled} {
		err := b.client.Send(ctx, "alerts", queue.Message{ID: "1"})
		var known *queue.Error
		if !errors.As(err, &known) || !errors.Is(err, want) || !known.Transient() {
			t.Errorf("error %v, want %v", err, want)
		}
		if _, _, err := b.client.Depth(ctx, "alerts", 1); !errors.Is(err, want) {
			t.Errorf("depth: error %v, want %v", err, want)
		}
	}
}

// source is a credential that fails, for good or for now.
type source struct {
	retryable bool
	asked     int
}

func (s *source) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	s.asked++
	return azcore.AccessToken{}, &sourceError{s.retryable}
}

type sourceError struct{ retryable bool }

func (e *sourceError) Error() string                  { return "no token" }
func (e *sourceError) RetryIn() (time.Duration, bool) { return 0, e.retryable }

func TestATokenThatCannotBeHadIsNotAskedForAgain(t *testing.T) {
	t.Parallel()
	for retryable, tries := range map[bool]int{false: 1, true: 4} {
		s := &source{retryable: retryable}
		b := newBench(t, func(o *queue.Options) {
			o.ConnectionString, o.Namespace, o.Credential = "", "local.example", s
		})
		err := b.client.Send(t.Context(), "alerts", queue.Message{ID: "1"})
		var known *queue.Error
		if !errors.As(err, &known) || known.Transient() != retryable || s.asked != tries {
			t.Errorf("retryable %v: asked %d times, error %v", retryable, s.asked, err)
		}
	}
}

type jwt string

func (j jwt) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{Token: string(j), ExpiresOn: time.Now().Add(time.Hour)}, nil
}

func TestANamespaceIsUsedWithACredential(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(o *queue.Options) {
		o.ConnectionString, o.Namespace, o.Credential = "", "local.example", jwt("eyJ")
	})
	b.send(t, queue.Message{ID: "1"})
	if got := b.ids("alerts"); len(got) != 1 {
		t.Errorf("sent %v", got)
	}
}

func TestOptionsThatCannotWorkAreRefusedWithoutShowingThem(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]queue.Options{
		"nothing":                {},
		"no credential":          {Namespace: "x.servicebus.windows.net"},
		"no namespace":           {Credential: jwt("eyJ")},
		"not a string of parts":  {ConnectionString: "s3cret"},
		"no key":                 {ConnectionString: "Endpoint=sb://x/;SharedAccessKeyName=k;Shared=s3cret"},
		"a flag that is no flag": {ConnectionString: "Endpoint=sb://x/;UseDevelopmentEmulator=s3cret"},
	} {
		_, err := queue.New(o)
		if err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
