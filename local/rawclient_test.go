package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/url"
	"regexp"
	"testing"
	"time"

	"cordon/local/world"

	"github.com/Azure/go-amqp"
)

// sendRaw puts a message on the alert queue by AMQP alone, with nothing around it.
func (s *story) sendRaw(message *amqp.Message) {
	s.t.Helper()
	address := regexp.MustCompile(`sb://([^;/]+)`).FindStringSubmatch(s.Settings["ServiceBus"])[1]
	conn, err := amqp.Dial(s.t.Context(), "amqp://"+address, &amqp.ConnOptions{SASLType: amqp.SASLTypeAnonymous()})
	if err != nil {
		s.t.Fatal(err)
	}
	defer conn.Close()
	session, err := conn.NewSession(s.t.Context(), nil)
	if err != nil {
		s.t.Fatal(err)
	}
	key := regexp.MustCompile(`SharedAccessKey=([^;]+)`).FindStringSubmatch(s.Settings["ServiceBus"])[1]
	putToken(s.t, session, address, key)
	sender, err := session.NewSender(s.t.Context(), world.AlertQueue, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	if err := sender.Send(s.t.Context(), message, nil); err != nil {
		s.t.Fatal(err)
	}
}

// putToken shows the broker a token for the alert queue, as every client has to before it may send ("AMQP claims-based
// security").
func putToken(t *testing.T, session *amqp.Session, address, key string) {
	t.Helper()
	receiver, err := session.NewReceiver(t.Context(), "$cbs", &amqp.ReceiverOptions{TargetAddress: "answers"})
	if err != nil {
		t.Fatal(err)
	}
	sender, err := session.NewSender(t.Context(), "$cbs", nil)
	if err != nil {
		t.Fatal(err)
	}
	name, to := "amqp://"+address+"/"+world.AlertQueue, "answers"
	resource, expiry := url.QueryEscape(name), time.Now().Add(time.Hour).Unix()
	mac := hmac.New(sha256.New, []byte(key))
	fmt.Fprintf(mac, "%s\n%d", resource, expiry)
	signature := url.QueryEscape(base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	request := &amqp.Message{
		Properties: &amqp.MessageProperties{MessageID: "1", ReplyTo: &to},
		ApplicationProperties: map[string]any{
			"operation": "put-token",
			"type":      "servicebus.windows.net:sastoken",
			"name":      name,
		},
		Value: fmt.Sprintf("SharedAccessSignature sr=%s&sig=%s&se=%d&skn=local", resource, signature, expiry),
	}
	if err := sender.Send(t.Context(), request, nil); err != nil {
		t.Fatal(err)
	}
	answer, err := receiver.Receive(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if code := answer.ApplicationProperties["status-code"]; code != int32(202) {
		t.Fatalf("the token is answered %v", answer.ApplicationProperties)
	}
}
