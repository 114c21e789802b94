package console

import (
	"context"
	"html"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/console/orders"
	"cordon/handler/internal/world"
	"cordon/handler/machine"
	"cordon/handler/operate/wire"
)

// releases counts the releases that were asked for.
func releases(w *world.World) (n int) {
	for _, action := range w.Actions {
		if action.Type == machine.Unisolate {
			n++
		}
	}
	return n
}

const releasePath = Base + "/release"

// filledForm is the form of a release as a person would send it.
func filledForm(s *site) url.Values {
	s.t.Helper()
	form := s.fields(s.get(releasePath + "?machine=" + machineID))
	form.Set("reason", "checked by hand")
	return form
}

func TestAnOrderOfAnotherSiteIsRefused(t *testing.T) {
	t.Parallel()
	w := isolated(t)
	s := newSite(t, w, wire.Operator)
	form := filledForm(s)
	for _, from := range []string{"cross-site", "same-site", "none", ""} {
		a := s.ask(http.MethodPost, releasePath, form.Encode(), "Sec-Fetch-Site", from)
		if a.StatusCode != http.StatusForbidden || releases(w) != 0 {
			t.Errorf("%q: %d, %d releases", from, a.StatusCode, releases(w))
		}
	}
	a := s.ask(http.MethodGet, releasePath+"?"+form.Encode(), "")
	if a.StatusCode != http.StatusOK || releases(w) != 0 {
		t.Errorf("by GET: %d, %d releases", a.StatusCode, releases(w))
	}
}

func TestWhoMayOnlyLookGivesNoOrder(t *testing.T) {
	t.Parallel()
	w := isolated(t)
	form := filledForm(newSite(t, w, wire.Operator))
	_, orderPaths := Pages()
	for _, roles := range [][]wire.Role{{wire.Reader}, {wire.Approver}, nil} {
		s := newSite(t, w, roles...)
		for _, path := range orderPaths {
			want := http.StatusForbidden
			if roles == nil {
				want = http.StatusUnauthorized
			}
			a := s.ask(http.MethodPost, path, form.Encode())
			if a.StatusCode != want || releases(w) != 0 {
				t.Errorf("%v, %s: %d, %d releases", roles, path, a.StatusCode, releases(w))
			}
		}
	}
}

// TestWhatChangedMeanwhileIsSaid has somebody else release the machine while a person reads the form.
func TestWhatChangedMeanwhileIsSaid(t *testing.T) {
	t.Parallel()
	w := isolated(t)
	s := newSite(t, w, wire.Operator)
	form := filledForm(s)
	d, _ := w.Desk()
	if _, err := d.Releases(t.Context(), world.Says("kim", "reimaged"), []string{machineID}); err != nil {
		t.Fatal(err)
	}
	a := s.ask(http.MethodPost, releasePath, form.Encode())
	if a.StatusCode != http.StatusConflict || !strings.Contains(a.text, "Something changed since you looked") ||
		!strings.Contains(a.text, "under way already") || releases(w) != 1 {
		t.Errorf("%d, %d releases: %s", a.StatusCode, releases(w), a.text)
	}
}

// TestAReasonSurvivesASignInThatRanOut has the roles grow too old while a person writes.
func TestAReasonSurvivesASignInThatRanOut(t *testing.T) {
	t.Parallel()
	w := isolated(t)
	s := newSite(t, w, wire.Operator)
	form := filledForm(s)
	s.stale = true
	a := s.ask(http.MethodPost, releasePath, form.Encode())
	again := s.fields(a)
	if a.StatusCode != http.StatusUnauthorized || !strings.Contains(a.text, "checked by hand") || releases(w) != 0 {
		t.Errorf("%d, %d releases: %s", a.StatusCode, releases(w), a.text)
	}
	s.stale = false
	again.Set("reason", "checked by hand")
	a = s.ask(http.MethodPost, releasePath, again.Encode())
	if a.StatusCode != http.StatusSeeOther || releases(w) != 1 {
		t.Errorf("%d, %d releases: %s", a.StatusCode, releases(w), a.text)
	}
}

func TestALinkGivesNoReason(t *testing.T) {
	t.Parallel()
	s := newSite(t, isolated(t), wire.Operator)
	a := s.get(releasePath + "?machine=" + machineID + "&reason=approved&command=c-12345678&seen=x")
	form := s.fields(a)
	if strings.Contains(a.text, "approved") || form.Get("command") == "c-12345678" || form.Get("seen") == "x" {
		t.Errorf("%d %v %s", a.StatusCode, form, a.text)
	}
}

// erasing is a desk whose order to erase was begun and is not confirmed.
type erasing struct{ unwritten }

func (*erasing) Erase(context.Context, wire.EraseOrder) (wire.Erased, error) {
	return wire.Erased{Outcome: "it was begun and is not confirmed yet"}, nil
}

func TestWhatIsNotConfirmedLooksNotDone(t *testing.T) {
	t.Parallel()
	s := over(t, &erasing{unwritten{hostile: hostile{empty: true}}}, "ann@contoso.com")
	form := s.fields(s.get(Base + "/erase?machine=" + machineID))
	form.Set("reason", "asked for")
	a := s.ask(http.MethodPost, Base+"/erase", form.Encode())
	if !strings.Contains(a.text, "not confirmed yet") || strings.Contains(a.text, `class="note good"`) {
		t.Errorf("%d %s", a.StatusCode, a.text)
	}
}

// TestManyChoicesSurviveASignInThatRanOut has a person choose more than goes along with a sign-in.
func TestManyChoicesSurviveASignInThatRanOut(t *testing.T) {
	t.Parallel()
	s := newSite(t, isolated(t), wire.Operator)
	s.stale = true
	target := releasePath + "?machine=" + strings.Repeat(machineID+"&machine=", 50)
	a := s.ask(http.MethodGet, target, "", "Sec-Fetch-Site", "same-origin")
	if a.StatusCode != http.StatusUnauthorized || a.Header.Get("Refresh") != "" ||
		!strings.Contains(a.text, `target="_blank"`) || !strings.Contains(a.text, "reload this page") {
		t.Errorf("%d %v %s", a.StatusCode, a.Header, a.text)
	}
}

func TestAPersonComesBackToPagesOfTheConsoleOnly(t *testing.T) {
	t.Parallel()
	for said, want := range map[string]string{
		"":                                     Base,
		Base:                                   Base,
		Base + "/runs?rule=a&did=x":            Base + "/runs?rule=a",
		Base + "/machine?machine=" + machineID: Base + "/machine?machine=" + machineID,
		releasePath:                            Base,
		"https://evil.example.net/":            Base,
		"//evil.example.net/api/console":       Base,
		"/\\evil.example.net":                  Base,
		"/api/console/../signin/start":         Base,
		"/api/signin/out":                      Base,
		"/api/console@evil.example.net":        Base,
		"javascript:alert(1)":                  Base,
		"/api/console/runs\r\nSet-Cookie: a=b": Base,
		Base + "/runs?x=" + strings.Repeat("a", 2000): Base,
	} {
		r, err := http.NewRequest(http.MethodGet, releasePath, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := back(said, r); got != want {
			t.Errorf("%q leads to %q, want %q", said, got, want)
		}
	}
}

// TestManyAreOrderedAtOnce drops one of two that are held, and is told of the other that there is nothing: that one is no
// part of the order.
func TestManyAreOrderedAtOnce(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	p := w.Start(-1, false)
	w.ProtectedAlert(p, "da1", alert.High)
	s := newSite(t, w, wire.Operator)
	a := s.get(Base + "/drop?alert=da1&alert=da2")
	if !strings.Contains(a.text, "1 of 2 alerts") || !strings.Contains(a.text, "nothing is held of it any more") {
		t.Fatalf("%d %s", a.StatusCode, a.text)
	}
	joined := s.get(Base + "/drop?alert=da1,da2") // as the host sends it
	if !strings.Contains(joined.text, "1 of 2 alerts") {
		t.Errorf("%d %s", joined.StatusCode, joined.text)
	}
	form := s.fields(a)
	form.Set("reason", "known")
	form.Set("back", Base+"/waiting")
	done := s.ask(http.MethodPost, Base+"/drop", form.Encode())
	to := done.Header.Get("Location")
	if done.StatusCode != http.StatusSeeOther || !strings.HasPrefix(to, Base+"/waiting?did=") {
		t.Fatalf("%d %s %s", done.StatusCode, to, done.text)
	}
	if back := s.get(to); !strings.Contains(back.text, "<h2>Done</h2>") || strings.Contains(back.text, "da2") ||
		!strings.Contains(html.UnescapeString(back.text), "Nothing waits for a person") {
		t.Errorf("%s", back.text)
	}
}

// TestWhatAPageSaysNothingOfIsNotDone has a form come back about something that is not held.
func TestWhatAPageSaysNothingOfIsNotDone(t *testing.T) {
	t.Parallel()
	d := &unwritten{hostile: hostile{empty: true}}
	s := over(t, d, "ann@contoso.com")
	form := s.fields(s.get(Base + "/drop?alert=da1"))
	form.Set("alert", "da9")
	form.Set("reason", "known")
	drop := orders.All()[slices.IndexFunc(orders.All(), func(o orders.Order) bool { return o.Name == "drop" })]
	now, err := drop.Look(t.Context(), d, form)
	if err != nil {
		t.Fatal(err)
	}
	seen, err := now.Seen()
	if err != nil {
		t.Fatal(err)
	}
	form.Set("seen", seen)
	a := s.ask(http.MethodPost, Base+"/drop", form.Encode())
	if a.StatusCode != http.StatusConflict || d.given {
		t.Errorf("%d, given %v: %s", a.StatusCode, d.given, a.text)
	}
}

// TestWhatAPersonDidNotSeeIsNotDone sends a form that was shown before the machine was isolated anew: it could be
// released, but it is not what the person decided about.
func TestWhatAPersonDidNotSeeIsNotDone(t *testing.T) {
	t.Parallel()
	w := isolated(t)
	s := newSite(t, w, wire.Operator)
	form := filledForm(s)
	w.Advance(time.Hour)
	w.Mu.Lock()
	for _, kind := range []machine.ActionType{machine.Unisolate, machine.Isolate} {
		w.Now = w.Now.Add(time.Minute)
		a := w.Add(kind, machineID, "by hand", machine.Full, "kim")
		w.Finish(a.ID, machine.Succeeded)
	}
	w.Mu.Unlock()
	before := releases(w)
	a := s.ask(http.MethodPost, releasePath, form.Encode())
	if a.StatusCode != http.StatusConflict || !strings.Contains(a.text, "Something changed since you looked") ||
		!strings.Contains(a.text, "1 machine") || releases(w) != before {
		t.Errorf("%d, %d releases: %s", a.StatusCode, releases(w)-before, a.text)
	}
}
