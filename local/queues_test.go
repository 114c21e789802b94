package main

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cordon/local/servicebus"
	"cordon/local/world"
)

// TestQueuesAreTheSameHereInTheDeploymentAndOnThePage holds the stand-in's queues, infra/ and docs/deploy.md together.
func TestQueuesAreTheSameHereInTheDeploymentAndOnThePage(t *testing.T) {
	t.Parallel()
	durations := map[string]time.Duration{"PT1M": time.Minute, "P1D": 24 * time.Hour, "P7D": 7 * 24 * time.Hour}
	body, err := os.ReadFile("../infra/cordon.bicep")
	if err != nil {
		t.Fatal(err)
	}
	text := string(body)
	_, text, found := strings.Cut(text, "resource queues 'Microsoft.ServiceBus/namespaces/queues@")
	_, text, props := strings.Cut(text, "    properties: {\n")
	text, _, end := strings.Cut(text, "    }\n")
	if !found || !props || !end {
		t.Fatal("infra/cordon.bicep has no queues")
	}
	properties := map[string]string{}
	for line := range strings.SplitSeq(strings.TrimSpace(text), "\n") {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		properties[name] = strings.Trim(value, "'")
	}
	got := servicebus.QueueConfig{
		Name:            world.AlertQueue,
		LockDuration:    durations[properties["lockDuration"]],
		DuplicateWindow: durations[properties["duplicateDetectionHistoryTimeWindow"]],
		TTL:             durations[properties["defaultMessageTimeToLive"]],
	}
	if _, err := fmt.Sscan(properties["maxDeliveryCount"], &got.MaxDeliveryCount); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(world.Queue(world.AlertQueue), got); diff != "" {
		t.Error(diff)
	}
	if !strings.Contains(string(body), "var alertQueue = '"+world.AlertQueue+"'") ||
		!strings.Contains(string(body), "var noticeQueue = '"+world.NoticeQueue+"'") {
		t.Error("the queues have other names")
	}
	page, err := os.ReadFile("../docs/deploy.md")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"requiresDuplicateDetection":          "true",
		"duplicateDetectionHistoryTimeWindow": "P1D",
		"lockDuration":                        "PT1M",
		"maxDeliveryCount":                    "10",
		"defaultMessageTimeToLive":            "P7D",
		"deadLetteringOnMessageExpiration":    "true",
		"requiresSession":                     "false",
		"enablePartitioning":                  "false",
		"maxSizeInMegabytes":                  "1024",
	}
	if diff := cmp.Diff(want, properties); diff != "" {
		t.Error(diff)
	}
	for name, value := range properties {
		if name != "maxSizeInMegabytes" && !strings.Contains(string(page), fmt.Sprintf("| `%s` | %s |", name, value)) {
			t.Errorf("docs/deploy.md does not say that %s is %s", name, value)
		}
	}
}
