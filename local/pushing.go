package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"

	"cordon/local/funchost"
)

// push reports an alert to the webhook, as another system does.
func (p *play) push(alertID string) {
	body := `{"alertId":"` + alertID + `"}`
	answer, err := http.Post("http://"+p.front+"/api/alerts", "application/json", strings.NewReader(body))
	if err != nil {
		fmt.Fprintln(os.Stderr, "push:", err)
		return
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusAccepted {
		fmt.Fprintln(os.Stderr, "push: answered", answer.Status)
		return
	}
	p.pushed++
}

// leaky is a broker that loses the messages that were sent for a reason.
type leaky struct {
	funchost.Broker
	reason string
}

func (l *leaky) Receive(ctx context.Context, queue string) (funchost.Delivery, error) {
	for {
		d, err := l.Broker.Receive(ctx, queue)
		if err != nil || !bytes.Contains(d.Body, []byte(`"reason":"`+l.reason+`"`)) {
			return d, err
		}
		if err := l.Complete(ctx, queue, d.LockToken); err != nil {
			return d, err
		}
	}
}
