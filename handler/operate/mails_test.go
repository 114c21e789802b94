package operate_test

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"cordon/handler/internal/world"
	"cordon/handler/ledger/notices"
	"cordon/local/entrasim"
)

// TestMailsAreListedAndSentAtOnce asks for one that failed, has it sent at once, and asks what nobody can mean.
func TestMailsAreListedAndSentAtOnce(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	a := newAPI(t, w)
	store := a.office.Desk.Mails.Notices
	_, _, err := store.Add(t.Context(), notices.Told{
		Group: "incident:7",
		Key:   "k",
		Event: "event",
		At:    w.Clock(),
	}, w.Clock())
	if err != nil {
		t.Fatal(err)
	}
	claim, err := store.Claim(t.Context(), "incident:7", 1, w.Clock(), time.Minute)
	if err == nil {
		claim.Why = "550 no such user"
		err = errors.Join(err, store.Failed(t.Context(), claim.Notice, w.Clock().Add(time.Hour)))
	}
	if err != nil {
		t.Fatal(err)
	}
	get := func(state, limit string) (int, string) {
		t.Helper()
		query := url.Values{}
		for name, value := range map[string]string{"state": state, "limit": limit} {
			if value != "" {
				query.Set(name, value)
			}
		}
		answer := a.ask(http.MethodGet, "/mails", query, a.token(reader, entrasim.NoFlaw), "")
		return answer.StatusCode, text(t, answer)
	}
	for _, c := range []struct {
		state, limit string
		status       int
		says         string
	}{
		{"failed", "1", 200, `"why":"550 no such user"`},
		{"failed", "", 200, `"due":"2026-03-02T11:00:00Z"`},
		{"", "", 200, `{"mails":[]}`},
		{"waiting", "200", 200, `{"mails":[]}`},
		{"lost", "", 400, "expected sent, waiting, failed or dropped"},
		{"failed", "201", 400, "expected 1 to 200"},
	} {
		if status, said := get(c.state, c.limit); status != c.status || !strings.Contains(said, c.says) {
			t.Errorf("%+v: %d %s", c, status, said)
		}
	}
	send := func(ids string) (int, string) {
		t.Helper()
		body := `{"command":"send-1234","reason":"mended","mails":[` + ids + `]}`
		answer := a.ask(http.MethodPost, "/mails/send", nil, a.token(operator, entrasim.NoFlaw), body)
		return answer.StatusCode, text(t, answer)
	}
	long := `"` + strings.Repeat("a", 300) + `:1"`
	for _, ids := range []string{``, `"incident"`, `"incident:7:0"`, `"incident:\u202e7:1"`, long} {
		if status, said := send(ids); status != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d %s", ids, status, said)
		}
	}
	if status, said := send(`"incident:7:1","incident:8:1"`); status != 200 ||
		!strings.Contains(said, "it is due now") || !strings.Contains(said, "there is no mail incident:8:1") {
		t.Errorf("%d %s", status, said)
	}
	if _, said := get("failed", ""); !strings.Contains(said, `"due":"`+w.Clock().Format(time.RFC3339)) {
		t.Errorf("%s", said)
	}
}
