package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/Azure/go-amqp"

	"cordon/local/defendersim"
	"cordon/local/world"
)

const (
	webhookSecret = "c0ffee00c0ffee00c0ffee00c0ffee00"
	pushedID      = "da638994417204415533_-1184209733"
)

// onlyPushed are settings under which nothing but a message or a push brings an answer about.
func onlyPushed() map[string]string {
	return map[string]string{"CORDON_POLL_SCHEDULE": "0 0 0 1 1 *", "CORDON_WEBHOOK_SECRET": webhookSecret}
}

// pushes sends a request to the webhook.
func (s *story) pushes(body string, headers ...string) (status int, answer string) {
	s.t.Helper()
	return s.asks(http.MethodPost, body, headers...)
}

// asks sends a request with any method to the webhook's address.
func (s *story) asks(method, body string, headers ...string) (status int, answer string) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, "http://"+s.host.Addr()+"/api/alerts",
		strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	got, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer got.Body.Close()
	read, err := io.ReadAll(got.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return got.StatusCode, string(read)
}

// signed are the headers of a request that was signed at a time.
func signed(body string, at time.Time) []string {
	stamp := fmt.Sprint(at.Unix())
	mac := hmac.New(sha256.New, []byte(webhookSecret))
	mac.Write([]byte(stamp + "." + body))
	return []string{"X-Cordon-Timestamp", stamp, "X-Cordon-Signature", "sha256=" + hex.EncodeToString(mac.Sum(nil))}
}

func TestStoryPushedAlertIsAnsweredWithoutAPoll(t *testing.T) {
	t.Parallel()
	s := newStory(t, world.Options{}, onlyPushed())
	s.highAlert()
	body := `{"AlertId":"` + pushedID + `","MachineId":"` + machineID + `"}`
	for range 2 { // sent twice, as by a sender that saw no answer
		if status, answer := s.pushes(body, signed(body, time.Now())...); status != http.StatusAccepted ||
			!strings.Contains(answer, `"accepted":["`+pushedID+`"]`) {
			t.Fatalf("%d %s", status, answer)
		}
	}
	s.eventually("the mail about the outcome", func() bool { return s.told("Isolated") })
	if n := s.isolations(); n != 1 {
		t.Errorf("%d isolations", n)
	}
}

func TestStoryPushAndPollOfOneAlertMeetInOneRun(t *testing.T) {
	t.Parallel()
	s := newStory(t, world.Options{}, map[string]string{"CORDON_WEBHOOK_SECRET": webhookSecret})
	s.highAlert()
	for range 5 {
		if status, answer := s.pushes(`[{"alertId":"`+pushedID+`"}]`, "X-Cordon-Secret",
			webhookSecret); status != http.StatusAccepted {
			t.Fatalf("%d %s", status, answer)
		}
	}
	s.eventually("the mail about the outcome", func() bool { return s.told("Isolated") })
	s.eventually("a poll", func() bool { return s.logged(`"msg":"polled"`) > 2 })
	mails := 0
	for _, m := range s.Mail.Mails() {
		if strings.Contains(m.Subject, "Isolated") {
			mails++
		}
	}
	if n := s.isolations(); n != 1 || mails != 1 || s.logged(`"msg":"run closed"`, pushedID+":v2") != 0 {
		t.Errorf("%d isolations, %d mails", n, mails)
	}
}

func TestStoryHostilePushesReachNothing(t *testing.T) {
	t.Parallel()
	s := newStory(t, world.Options{}, onlyPushed())
	s.highAlert()
	item := `{"alertId":"` + pushedID + `"}`
	trusted := []string{"X-Cordon-Secret", webhookSecret}
	for name, c := range map[string]struct {
		body    string
		headers []string
		want    int
	}{
		"no proof":     {item, nil, 401},
		"wrong secret": {item, []string{"X-Cordon-Secret", "x" + webhookSecret[1:]}, 401},
		"replayed":     {item, signed(item, time.Now().Add(-10*time.Minute)), 401},
		"re-signed":    {item, append(signed(item+" ", time.Now()), "X-Other", "1"), 401},
		"oversized":    {`{"alertId":"` + pushedID + `","x":"` + strings.Repeat("y", 300<<10) + `"}`, trusted, 413},
		// the host reads it whole, and the answer arrives
		"at the limit": {item + strings.Repeat(" ", 1<<20-len(item)), trusted, 413},
		"wrong type":   {item, append([]string{"Content-Type", "application/xml"}, trusted...), 415},
		"deep":         {strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000), trusted, 400},
		"name twice":   {`{"alertId":"x","ALERTID":"` + pushedID + `"}`, trusted, 400},
		"forged hunt":  {`{"alertId":"hunt:beacons:00ff"}`, trusted, 400},
	} {
		if status, answer := s.pushes(c.body, c.headers...); status != c.want ||
			!strings.Contains(answer, fmt.Sprintf(`"status":%d`, c.want)) || strings.Contains(answer, webhookSecret) {
			t.Errorf("%s: %d %s", name, status, answer)
		}
	}
	s.hostFails(item, trusted)
	// What follows is answered, so that all before it would have been.
	if status, _ := s.pushes(`{"alertId":"da1"}`, trusted...); status != http.StatusAccepted {
		t.Errorf("the last one: %d", status)
	}
	s.eventually("the answer to the last one", func() bool { return s.logged("da1") > 0 })
	if n := s.Defender.CountCalls(func(c defendersim.Call) bool {
		return strings.Contains(c.Path, pushedID) || strings.Contains(c.Path, "hunt") || c.Method == http.MethodPost
	}); n != 0 {
		t.Errorf("%d requests about what was refused", n)
	}
	for _, r := range s.Bus.Records(world.AlertQueue) {
		if !strings.Contains(string(r.Body), `"da1"`) {
			t.Errorf("on the queue stands %s", r.Body)
		}
	}
	if s.logged(webhookSecret) != 0 {
		t.Error("the secret stands in the log")
	}
}

// hostFails sends what the host does not let through, so that callers see another answer than the handler's.
func (s *story) hostFails(item string, trusted []string) {
	s.t.Helper()
	for name, c := range map[string]struct {
		method, body string
		headers      []string
		want         int
	}{
		"more than the host reads": {"POST", strings.Repeat(" ", 1<<20) + item, trusted, 500},
		"malformed type":           {"POST", item, append([]string{"Content-Type", "json"}, trusted...), 500},
		"another method":           {"PUT", item, trusted, 404},
	} {
		if status, answer := s.asks(c.method, c.body, c.headers...); status != c.want || answer != "" {
			s.t.Errorf("%s: %d %s", name, status, answer)
		}
	}
	if status, answer := s.pushes("\x1f\x8b not JSON",
		append([]string{"Content-Encoding", "gzip"}, trusted...)...); status != 400 ||
		!strings.Contains(answer, `"status":400`) {
		s.t.Errorf("compressed: %d %s", status, answer)
	}
}

// TestStoryEveryWayToAskForAnAnswerByHand has a bare message from a client that is not ours, the host's admin endpoint
// and the command.
func TestStoryEveryWayToAskForAnAnswerByHand(t *testing.T) {
	t.Parallel()
	for name, ask := range map[string]func(*story){
		"client": func(s *story) { s.sendRaw(amqp.NewMessage([]byte(`{"alertId":"` + pushedID + `"}`))) },
		"admin endpoint": func(s *story) {
			answer, err := http.Post("http://"+s.host.Addr()+"/admin/functions/RespondToAlert", "application/json",
				strings.NewReader(`{"input":"{\"alertId\":\"`+pushedID+`\"}"}`))
			if err != nil {
				s.t.Fatal(err)
			}
			defer answer.Body.Close()
			if answer.StatusCode != http.StatusAccepted {
				s.t.Fatalf("status %d", answer.StatusCode)
			}
		},
		"command": func(s *story) {
			s.refuses(2, "alert id", s.everything(), "enqueue", "../x")
			s.refuses(2, "only a hunt", s.everything(), "enqueue", "hunt:a:b")
			s.marked()
			if out := s.does(s.everything(), "enqueue", pushedID,
				pushedID); out != pushedID+": enqueued\n" {
				s.t.Error(out)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStory(t, world.Options{}, onlyPushed())
			s.highAlert()
			ask(s)
			s.eventually("the mail about the outcome", func() bool { return s.told("Isolated") })
			if n := s.isolations(); n != 1 {
				t.Errorf("%d isolations", n)
			}
		})
	}
}
