package pages

import (
	"context"
	"crypto/subtle"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"cordon/handler/ledger/sessions"
	"cordon/handler/operate/wire"
	"cordon/handler/signin"
)

// maxCode bounds what Entra sends along; its codes have one or two thousand bytes.
const maxCode = 8 << 10

// callback takes the browser back from Microsoft Entra. Nothing is asked of anybody before the state is the one of the
// browser's own flow.
func (s *Sessions) callback(w http.ResponseWriter, r *http.Request) {
	f, known, err := s.kept(r.Context(), r)
	if err != nil {
		s.refuse(w, r, s.noLedger(r.Context(), err))
		return
	}
	query := r.URL.Query()
	state := query.Get("state")
	own := known &&
		subtle.ConstantTimeCompare([]byte(state), []byte(f.State)) == 1
	if !own {
		s.refuse(w, r, unauthorized("wrong_state",
			"this sign-in was not begun in this browser, or more than ten minutes ago; sign in again"))
		return
	}
	s.setCookie(w, flowCookie, "", 0) // whatever comes of it, it is over
	if failed := query.Get("error"); failed != "" {
		s.notSignedIn(w, r, f, failed, query.Get("error_description"))
		return
	}
	who, problem := s.redeem(r.Context(), f, query.Get("code"))
	if problem == nil {
		problem = s.begin(r.Context(), w, r, f, who)
	}
	if problem != nil {
		s.refuse(w, r, problem)
		return
	}
	send(w, s.o.AppURL.String()+f.Return)
}

// notSignedIn is what Microsoft Entra answers when it lets nobody in. A renewal that it cannot make without the person
// is begun anew with the person, once: that one is no renewal.
func (s *Sessions) notSignedIn(
	w http.ResponseWriter,
	r *http.Request,
	f flow,
	failed, described string,
) {
	wantsPerson := []string{
		"login_required", "interaction_required", "consent_required", "account_selection_required",
	}
	code := regexp.MustCompile(`^AADSTS[0-9]{1,9}`).FindString(described)
	switch {
	case f.Renew && slices.Contains(wantsPerson, failed):
		again := url.Values{"returnTo": {f.Return}}
		send(w, s.o.AppURL.String()+under+"start?"+again.Encode())
	case code == "AADSTS50105":
		s.refuse(w, r, wire.NewProblem(http.StatusForbidden, "no_role", "you are not assigned to Cordon: ask whoever "+
			"manages the enterprise application Cordon in Microsoft Entra to assign a role to you, then sign in again"))
	case failed == "access_denied":
		s.refuse(w, r, unauthorized("declined", "the sign-in was declined; sign in again"))
	default:
		s.refuse(w, r,
			unauthorized("not_let_in", strings.TrimSpace("Microsoft Entra did not let you in; sign in again, "+
				"or look the code up in Microsoft's list of Entra error codes: "+code)))
	}
}

// redeem turns a code into the person who signed in.
func (s *Sessions) redeem(
	ctx context.Context,
	f flow,
	code string,
) (signin.Person, *wire.Problem) {
	if code == "" || len(code) > maxCode {
		return signin.Person{}, unauthorized("no_code", "Microsoft Entra sent no code along; sign in again")
	}
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	default:
		p := wire.NewProblem(http.StatusTooManyRequests, "too_many_requests",
			"too many people sign in at once; sign in again a little later")
		p.RetryAfter = 1
		return signin.Person{}, p
	}
	token, err := s.o.Authority.Redeem(ctx, code, s.redirect(), f.Verifier)
	if err != nil {
		return signin.Person{}, s.notRedeemed(ctx, err)
	}
	who, err := s.o.Proof.IDToken(ctx, token, f.Nonce)
	if err != nil {
		return signin.Person{}, problem(err)
	}
	return who, nil
}

// notRedeemed tells trouble, which passes, from a code that is not taken. Anybody can send one of those.
func (s *Sessions) notRedeemed(ctx context.Context, err error) *wire.Problem {
	s.refused.Warn(ctx, s.o.Log, "sign-ins could not be completed", err)
	var again interface{ RetryIn() (time.Duration, bool) }
	passes := ctx.Err() != nil
	if errors.As(err, &again) {
		_, passes = again.RetryIn()
	}
	if !passes {
		return unauthorized("code_refused",
			"Microsoft Entra did not take this sign-in, which may have been used before; "+
				"sign in again. If that does not help, the log of the app says why")
	}
	return unavailable("entra_unavailable",
		"Microsoft Entra could not be asked who you are; sign in again a little later")
}

// begin writes the session down and gives it to the browser, always a new one: an id that somebody put there before
// becomes nobody's. Its row is found by the state, so that a state signs in once. The session that the browser had
// ends; if this one renews it, the person's time goes on counting.
func (s *Sessions) begin(
	ctx context.Context,
	w http.ResponseWriter,
	r *http.Request,
	f flow,
	who signin.Person,
) *wire.Problem {
	now := s.o.Now().UTC()
	since := now
	before, err := s.find(ctx, r)
	if f.Renew {
		if err != nil || before.ObjectID != who.ObjectID {
			return endedMeanwhile()
		}
		since = before.Since
	}
	id, secret := digest(f.State), draw()
	roles := make([]string, len(who.Roles))
	for i, role := range who.Roles {
		roles[i] = string(role)
	}
	sealed, err := s.seals.seal(ctx, sessionCookie, id+"."+secret)
	if err != nil {
		return s.noLedger(ctx, err)
	}
	fresh, err := s.o.Ledger.Begin(ctx, id, sessions.Session{
		Digest:   digest(secret),
		Name:     who.Name,
		ObjectID: who.ObjectID,
		Roles:    strings.Join(roles, " "),
		Since:    since,
		At:       now,
		Used:     now,
	})
	if err != nil {
		return s.noLedger(ctx, err)
	}
	if !fresh {
		return unauthorized("state_used", "this sign-in was completed before; sign in again")
	}
	if before.id != "" {
		lasted, err := s.o.Ledger.End(ctx, before.id, now, "signed in again")
		if err == nil && f.Renew && !lasted {
			_, err = s.o.Ledger.End(ctx, id, now, "what it renews had ended")
			if err == nil {
				return endedMeanwhile()
			}
		}
		if err != nil {
			return s.noLedger(ctx, err)
		}
	}
	s.setCookie(w, sessionCookie, sealed, longest)
	s.o.Log.InfoContext(ctx, "somebody signed in with a browser",
		"objectId", who.ObjectID,
		"roles", roles,
		"renewed", f.Renew)
	return nil
}

func endedMeanwhile() *wire.Problem {
	return unauthorized("session_over", "your session ended meanwhile; sign in again")
}
