package servicebus

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"cordon/local/internal/wire"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
)

// farOff is an expiry that comes after every run of these tests.
var farOff = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)

// signed is a token as the vendor's clients make it.
func signed(resource, key string, expires time.Time) string {
	text := url.QueryEscape(resource)
	mac := hmac.New(sha256.New, []byte(key))
	fmt.Fprintf(mac, "%s\n%d", text, expires.Unix())
	return fmt.Sprintf("SharedAccessSignature sr=%s&sig=%s&se=%d&skn=local", text,
		url.QueryEscape(base64.StdEncoding.EncodeToString(mac.Sum(nil))), expires.Unix())
}

func TestASignatureOpensWhatItSaysAndNothingElse(t *testing.T) {
	t.Parallel()
	good := signed("amqp://127.0.0.1:5672/q", firstKey, farOff)
	for name, c := range map[string]struct{ token, says string }{
		"the entity":              {good, ""},
		"the namespace":           {signed("amqps://127.0.0.1/", firstKey, farOff), ""},
		"the namespace, in short": {signed("localhost", firstKey, farOff), ""},
		"in capitals":             {signed("amqp://LOCALHOST/Q", firstKey, farOff), ""},
		"another namespace": {
			signed("amqps://ns.servicebus.windows.net/", "a key that nobody told", farOff), "",
		},
		"another namespace, no key": {"SharedAccessSignature sr=ns&sig=%21&se=4102444800&skn=a", ""},
		"and then expired": {
			signed("amqps://ns.servicebus.windows.net/", "x", start),
			"ExpiredToken: the token expired at 2026-03-01T12:00:00Z",
		},
		"another entity": {signed("amqp://127.0.0.1/other", firstKey, farOff), "InvalidAudience"},
		"a longer name":  {signed("amqp://127.0.0.1/qq", firstKey, farOff), "InvalidAudience"},
		"another key": {
			signed("amqp://127.0.0.1/q", "d3Jvbmc=", farOff), "InvalidSignature: the token has an invalid signature",
		},
		"an unknown key name": {
			strings.Replace(good, "skn=local", "skn=nobody", 1), `InvalidSignature: the key name "nobody" is not known`,
		},
		"expired":        {signed("amqp://127.0.0.1/q", firstKey, start), "ExpiredToken"},
		"a later expiry": {strings.Replace(good, "se=4102444800", "se=4102444801", 1), "InvalidSignature"},
		"no signature":   {strings.Replace(good, "&sig=", "&sgi=", 1), "MalformedToken: the token has no sig"},
		"a signature of nothing": {
			"SharedAccessSignature sr=127.0.0.1&sig=%21&se=4102444800&skn=local", "InvalidSignature",
		},
		"no address":   {"SharedAccessSignature sr=%3A%3A%2F%25zz&sig=x&se=1&skn=local", "MalformedToken: sr"},
		"no number":    {"SharedAccessSignature sr=x&sig=x&se=never&skn=local", "MalformedToken: se"},
		"bad escapes":  {"SharedAccessSignature sr=%zz&sig=x&se=1&skn=local", "MalformedToken: the token has no sr"},
		"another form": {"token", "MalformedToken"},
		"nothing":      {"", "the token is empty"},
	} {
		conn, _ := asked(t)
		m := &wire.Message{
			Body:                  wire.ValueBody(c.token),
			ApplicationProperties: args("type", tokenSAS, "name", "amqp://127.0.0.1/q"),
		}
		r := conn.token("put-token", m)
		if want := map[bool]int32{
			true:  http.StatusAccepted,
			false: http.StatusUnauthorized,
		}[c.says == ""]; r.status != want || !strings.Contains(r.text, c.says) {
			t.Errorf("%s: %d %s, want %d %s", name, r.status, r.text, want, c.says)
		}
		if conn.granted("q") != (c.says == "") {
			t.Errorf("%s: granted %v", name, conn.grants)
		}
	}
}

func TestARevokedKeyOpensNothingMore(t *testing.T) {
	t.Parallel()
	s := newServer(t, Options{Queues: one("q")})
	old := s.ConnectionString()
	dial := func(text string) *world {
		w := &world{
			queue:   "q",
			patient: time.Minute,
			dial: func(t testing.TB) *azservicebus.Client {
				client, err := azservicebus.NewClientFromConnectionString(text,
					&azservicebus.ClientOptions{RetryOptions: fast})
				return opened(t, client, err)
			},
		}
		w.begin(t)
		return w
	}
	before := dial(old)
	sender := before.sender(t)
	if err := sender.SendMessage(before.ctx, text("1", "x"), nil); err != nil {
		t.Fatal(err)
	}
	s.ChangeKey("YW5vdGhlcg==")
	if err := sender.SendMessage(before.ctx, text("2", "x"), nil); err != nil {
		t.Errorf("a link that was there: %v", err)
	}
	w := dial(old)
	expectCode(t, w.sender(t).SendMessage(w.ctx, text("3", "x"), nil), azservicebus.CodeUnauthorizedAccess)
	w = dial(strings.Replace(s.ConnectionString(), "KeyName=local", "KeyName=nobody", 1))
	_, err := w.receiver(t, azservicebus.ReceiverOptions{}).ReceiveMessages(w.ctx, 1, nil)
	expectCode(t, err, azservicebus.CodeUnauthorizedAccess)
	w = dial(s.ConnectionString())
	w.send(t, text("4", "x"))
	w.expectHeld(t, w.receiver(t, azservicebus.ReceiverOptions{}), "1", "2", "4")
}
