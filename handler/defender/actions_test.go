package defender_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"cordon/handler/defender"
	"cordon/handler/machine"
)

func TestActsAreSentAsTheAPIReadsThem(t *testing.T) {
	t.Parallel()
	var samples map[string]struct {
		Method, Path string
		Body         map[string]any
	}
	if err := json.Unmarshal([]byte(fixture(t, "action_requests.json")), &samples); err != nil {
		t.Fatal(err)
	}
	for name, act := range map[string]func(*defender.Client) (machine.Action, error){
		"isolate_full": func(c *defender.Client) (machine.Action, error) {
			return c.Act(t.Context(), machineID, machine.Request{
				Type:    machine.Isolate,
				Scope:   machine.Full,
				Comment: "Auto-isolation: severity High",
			})
		},
		"isolate_selective": func(c *defender.Client) (machine.Action, error) {
			return c.Act(t.Context(), machineID, machine.Request{
				Type:    machine.Isolate,
				Scope:   machine.Selective,
				Comment: "Keep Outlook and Teams",
			})
		},
		"isolate_unmanaged": func(c *defender.Client) (machine.Action, error) {
			return c.Act(t.Context(), otherMachineID, machine.Request{
				Type:    machine.Isolate,
				Scope:   machine.UnManagedDevice,
				Comment: "Contain unmanaged device",
			})
		},
		"unisolate": func(c *defender.Client) (machine.Action, error) {
			return c.Act(t.Context(), machineID, machine.Request{
				Type:    machine.Unisolate,
				Scope:   machine.Full,
				Comment: "Validated clean",
			})
		},
		"restrict": func(c *defender.Client) (machine.Action, error) {
			return c.Act(t.Context(), machineID, machine.Request{
				Type:    machine.Restrict,
				Comment: "Limit to Microsoft-signed code",
			})
		},
		"unrestrict": func(c *defender.Client) (machine.Action, error) {
			return c.Act(t.Context(), machineID, machine.Request{Type: machine.Unrestrict, Comment: "Lift restriction"})
		},
		"av_scan": func(c *defender.Client) (machine.Action, error) {
			return c.Act(t.Context(), machineID, machine.Request{
				Type:    machine.Scan,
				Scope:   machine.Full,
				Comment: "Post-incident scan",
			})
		},
		"collect_package": func(c *defender.Client) (machine.Action, error) {
			return c.Act(t.Context(), machineID, machine.Request{Type: machine.Collect, Comment: "Case 5512"})
		},
		"cancel": func(c *defender.Client) (machine.Action, error) {
			return c.CancelAction(t.Context(), actionID, machine.Scan, "Playbook rollback")
		},
	} {
		a := always(201, fixture(t, "machineaction_pending.json"))
		got, err := act(a.client())
		if diff := cmp.Diff(sampleAction(t, "pending"), got); err != nil || diff != "" {
			t.Errorf("%s: answer: %v (-want +got):\n%s", name, err, diff)
		}
		want := samples[name]
		if diff := cmp.Diff([]string{want.Method + " /mde" + want.Path}, a.calls()); diff != "" {
			t.Errorf("%s: request (-want +got):\n%s", name, diff)
		}
		if diff := cmp.Diff(want.Body, object(t, a.bodies[0])); diff != "" {
			t.Errorf("%s: body (-want +got):\n%s", name, diff)
		}
		if r := a.asked[0]; r.URL.RawQuery != "" || r.Header.Get("Content-Type") != "application/json" ||
			r.GetBody == nil {
			t.Errorf("%s: query %q, header %v, body can be sent again: %t", name, r.URL.RawQuery, r.Header,
				r.GetBody != nil)
		}
	}
}

func TestActionListsAreAskedForAsTheAPIReadsThem(t *testing.T) {
	t.Parallel()
	since := time.Date(2025, 11, 18, 10, 45, 2, 118000000, time.FixedZone("west", -3600))
	for want, list := range map[string]func(*defender.Client) ([]machine.Action, error){
		"creationDateTimeUtc ge 2025-11-18T11:45:02.118Z": func(c *defender.Client) ([]machine.Action, error) {
			return c.ActionsSince(t.Context(), since)
		},
		"machineId eq '" + machineID +
			"' and creationDateTimeUtc ge 2025-11-18T11:45:02.118Z": func(c *defender.Client) ([]machine.Action, error) {
			return c.ActionsOn(t.Context(), machineID, since)
		},
		"status eq 'Pending' or status eq 'InProgress' or ((type eq 'Isolate' or type eq 'Unisolate') and " +
			"creationDateTimeUtc ge 2025-11-18T11:45:02.118Z)": func(c *defender.Client) ([]machine.Action, error) {
			return c.CurrentActions(t.Context(), since)
		},
	} {
		a := always(200, fixture(t, "machineaction_list.json"))
		got, err := list(a.client())
		if diff := cmp.Diff([]machine.Action{sampleAction(t, "succeeded"), sampleAction(t, "timeout")},
			got); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", want, err, diff)
		}
		if diff := cmp.Diff([]string{"GET /mde/api/machineactions"}, a.calls()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", want, diff)
		}
		if diff := cmp.Diff(url.Values{"$filter": {want}, "$top": {"10000"}}, a.asked[0].URL.Query()); diff != "" ||
			strings.Contains(a.asked[0].URL.RawQuery, "+") {
			t.Errorf("query %s (-want +got):\n%s", a.asked[0].URL.RawQuery, diff)
		}
	}
}

func TestMissingActionListIsAnErrorAndNotAnEmptyList(t *testing.T) {
	t.Parallel()
	// Unlike the list of machines, it is not documented to be answered with 404: an action that is overlooked is done
	// twice.
	if got, err := always(404, "").client().ActionsOn(t.Context(), machineID, window.From); err == nil {
		t.Errorf("%d actions, no error", len(got))
	}
}

func TestActWithAnUnreadableAnswerIsOfUnknownFate(t *testing.T) {
	t.Parallel()
	whole := fixture(t, "machineaction_pending.json")
	for name, tt := range map[string]struct {
		body string
		end  error
	}{
		"empty":       {"", io.EOF},
		"cut":         {whole[:len(whole)/2], io.EOF},
		"reset":       {whole[:len(whole)-3], &net.OpError{Op: "read", Err: errors.New("connection reset by peer")}},
		"HTML":        {"<html>Created</html>", io.EOF},
		"null":        {"null", io.EOF},
		"a list":      {"[" + whole + "]", io.EOF},
		"without id":  {`{"status":"Pending"}`, io.EOF},
		"of an error": {fixture(t, "error_500.json"), io.EOF},
	} {
		for _, status := range []int{200, 201, 202, 204} {
			a := &api{answer: func(*http.Request) (*http.Response, error) {
				r := reply(status, "")
				r.Body = cut(tt.body, tt.end)
				return r, nil
			}}
			got, err := a.client().Act(t.Context(), machineID, wanted(machine.Isolate))
			if trouble, _ := machine.TroubleOf(err); trouble != machine.UnknownFate || got != (machine.Action{}) ||
				len(a.asked) != 1 {
				t.Errorf("%s, %d: %+v, %v (%s) after %d requests", name, status, got, err, trouble, len(a.asked))
			}
			if !strings.Contains(err.Error(), "look for the machine action before asking again") {
				t.Errorf("%s: %v does not say what to do", name, err)
			}
		}
	}
}

func TestFreshActionWithoutAMachineIsThatOfTheOneAsked(t *testing.T) {
	t.Parallel()
	got, err := always(201, `{"id":"a","machineId":null}`).client().Act(t.Context(), machineID, wanted(machine.Isolate))
	if diff := cmp.Diff(machine.Action{ID: "a", MachineID: machineID}, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	// Another machine's action is shown as what it is, for the caller to notice.
	got, err = always(201, `{"id":"a","machineId":"other"}`).client().Act(t.Context(), machineID,
		wanted(machine.Unisolate))
	if err != nil || got.MachineID != "other" {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestActsAreNeverSentTwiceOverTheWire(t *testing.T) {
	t.Parallel()
	type wire struct {
		name   string
		answer http.HandlerFunc
		want   machine.Trouble
	}
	for _, tt := range []wire{
		{"connection reset after the write", func(w http.ResponseWriter, r *http.Request) {
			connection, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			_ = connection.(*net.TCPConn).SetLinger(0)
			connection.Close()
		}, machine.UnknownFate},
		{"redirect that would repeat it", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(http.StatusTemporaryRedirect)
		}, machine.UnknownFate},
		{"redirect to a page", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", "/signin")
			w.WriteHeader(http.StatusFound)
		}, machine.UnknownFate},
		{"body shorter than told", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "500")
			w.WriteHeader(http.StatusCreated)
			_, _ = io.WriteString(w, `{"id":"`)
		}, machine.UnknownFate},
	} {
		var requests atomic.Int32
		c := server(t, func(w http.ResponseWriter, r *http.Request) {
			requests.Add(1)
			_, _ = io.Copy(io.Discard, r.Body)
			tt.answer(w, r)
		})
		_, err := c.Act(t.Context(), machineID, wanted(machine.Isolate))
		if trouble, _ := machine.TroubleOf(err); trouble != tt.want || requests.Load() != 1 {
			t.Errorf("%s: %v (%s) after %d requests, want %s after one", tt.name, err, trouble, requests.Load(),
				tt.want)
		}
	}
}

func TestActWithoutAConnectionWasNotCarriedOut(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()
	c := defender.New(defender.Options{
		Base: &url.URL{Scheme: "http", Host: listener.Addr().String()},
		HTTP: &http.Client{Transport: &http.Transport{}},
	})
	_, err = c.Act(t.Context(), machineID, wanted(machine.Isolate))
	if trouble, _ := machine.TroubleOf(err); trouble != machine.Transient {
		t.Errorf("%v is %s, want transient", err, trouble)
	}
}

func TestActsCarryTheTimeByWhichTheyMustBeSent(t *testing.T) {
	t.Parallel()
	type key struct{}
	by := time.Date(2025, 11, 18, 10, 0, 0, 0, time.UTC)
	for name, tt := range map[string]struct {
		act  func(*defender.Client, time.Time) error
		by   time.Time
		want any
	}{
		"isolate":                {act(t, machine.Isolate), by, by},
		"release":                {act(t, machine.Unisolate), by, by},
		"isolate, no such bound": {act(t, machine.Isolate), time.Time{}, nil},
		"release, no such bound": {act(t, machine.Unisolate), time.Time{}, nil},
	} {
		a := always(201, `{"id":"a"}`)
		c := defender.New(defender.Options{
			Base: &url.URL{Scheme: "https", Host: "api.example.com"}, HTTP: &http.Client{Transport: a},
			SendBy: func(ctx context.Context, t time.Time) context.Context { return context.WithValue(ctx, key{}, t) },
		})
		if err := tt.act(c, tt.by); err != nil {
			t.Fatal(err)
		}
		if got := a.asked[0].Context().Value(key{}); got != tt.want {
			t.Errorf("%s: sent by %v, want %v", name, got, tt.want)
		}
	}
}

func act(t *testing.T, kind machine.ActionType) func(*defender.Client, time.Time) error {
	return func(c *defender.Client, by time.Time) error {
		r := wanted(kind)
		r.SendBy = by
		_, err := c.Act(t.Context(), machineID, r)
		return err
	}
}

func TestSilentAPIDoesNotHoldACallerForEver(t *testing.T) {
	silent := &api{answer: func(r *http.Request) (*http.Response, error) {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}}
	stalled := &api{answer: func(r *http.Request) (*http.Response, error) {
		answer := reply(201, "")
		answer.Body = io.NopCloser(readerFunc(func([]byte) (int, error) {
			<-r.Context().Done()
			return 0, r.Context().Err()
		}))
		return answer, nil
	}}
	for name, a := range map[string]*api{"no answer": silent, "no body": stalled} {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			err := act(t, machine.Isolate)(a.client(), time.Time{})
			if trouble, _ := machine.TroubleOf(err); trouble != machine.UnknownFate ||
				time.Since(start) != time.Minute {
				t.Errorf("%s: act: %s after %v, want unknown fate after a minute", name, trouble, time.Since(start))
			}
			start = time.Now()
			_, err = a.client().CurrentActions(t.Context(), time.Time{})
			if trouble, _ := machine.TroubleOf(err); trouble != machine.Transient ||
				time.Since(start) != 4*time.Minute {
				t.Errorf("%s: list: %s after %v, want transient after four minutes", name, trouble, time.Since(start))
			}
		})
	}
}
