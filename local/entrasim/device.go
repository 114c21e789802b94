package entrasim

import (
	"crypto/rand"
	"net/http"
	"strings"
	"sync"
	"time"
)

// deviceGrant is how a token is asked for with a device code. The vendor's Go library uses the short name, and is let
// in with it.
const (
	deviceGrant      = "urn:ietf:params:oauth:grant-type:device_code"
	shortDeviceGrant = "device_code"
)

// devicePath is where people type in the code that a device shows, below the tenant.
const devicePath = "/oauth2/deviceauth"

// deviceLifetime is how long a device code and the code that people type in are valid.
const deviceLifetime = 15 * time.Minute

// userCodeLetters are those that people do not mistake for another.
const userCodeLetters = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"

// device is a request for a device code, and what became of it.
type device struct {
	mu       sync.Mutex
	client   App
	scope    string
	userCode string
	until    time.Time
	asked    time.Time // the last time
	oid      string    // who let it in
	declined bool
}

// deviceCode serves the endpoint that device codes are had from
// (https://learn.microsoft.com/entra/identity-platform/v2-oauth2-device-code).
func (s *Sim) deviceCode(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if r.ParseForm() != nil {
		s.refuse(w, formless())
		return
	}
	client, no := s.client(r.PathValue("tenant"), r.PostForm.Get("client_id"))
	if no == nil && r.PostForm.Get("scope") == "" {
		no = missing("scope")
	}
	if no == nil && !client.Public {
		no = confidential()
	}
	if no == nil {
		_, no = s.wish(client, r.PostForm.Get("scope"))
	}
	if no != nil {
		s.refuse(w, *no)
		return
	}
	d := &device{
		client:   client,
		scope:    r.PostForm.Get("scope"),
		userCode: newUserCode(),
		until:    s.options.Now().Add(deviceLifetime),
	}
	code := s.devices.put(s.options.Now(), deviceLifetime, d)
	page := s.base(r) + "/" + client.TenantID + devicePath
	writeJSON(w, http.StatusOK, map[string]any{
		"device_code":      code,
		"user_code":        d.userCode,
		"verification_uri": page,
		"expires_in":       int(deviceLifetime / time.Second),
		"interval":         int(s.options.DeviceInterval / time.Second),
		"message": "To sign in, use a web browser to open the page " + page + " and enter the code " + d.userCode +
			" to authenticate.",
	})
}

// redeemDevice answers a token request with a device code. Half of the interval is too soon; that the real one says
// slow_down then is assumed, after RFC 8628.
func (s *Sim) redeemDevice(r *http.Request, client App) (map[string]any, *refusal) {
	code := r.PostForm.Get("device_code")
	if code == "" {
		return nil, missing("device_code")
	}
	h, found := s.devices.get(code)
	if !found || h.what.client.ClientID != client.ClientID || h.what.client.TenantID != client.TenantID {
		return nil, &refusal{
			400, "bad_verification_code", 70018,
			"The provided value for the input parameter 'device_code' is not valid.",
		}
	}
	oid, no := h.what.state(s.options.Now(), s.options.DeviceInterval)
	if no != nil {
		return nil, no
	}
	if !s.devices.use(code) {
		return nil, redeemed()
	}
	return s.tokens(r, grant{client: client, oid: oid, scope: h.what.scope})
}

// state is who let the device in, or why nobody did.
func (d *device) state(now time.Time, interval time.Duration) (oid string, no *refusal) {
	d.mu.Lock()
	defer d.mu.Unlock()
	soon := !d.asked.IsZero() && now.Sub(d.asked) < interval/2
	d.asked = now
	switch {
	case d.declined:
		// The number is assumed: the documentation names the error only.
		return "", &refusal{400, "authorization_declined", 65004, "User declined to consent to access the app."}
	case !now.Before(d.until):
		return "", &refusal{
			400, "expired_token", 70020,
			"The provided value for the input parameter 'device_code' is not valid. This device code has expired.",
		}
	case d.oid != "":
		return d.oid, nil
	case soon:
		return "", &refusal{400, "slow_down", 70016, "OAuth 2.0 device flow error. The client polls too fast."}
	}
	return "", &refusal{
		400, "authorization_pending", 70016,
		"OAuth 2.0 device flow error. Authorization is pending. Continue polling.",
	}
}

// approveDevice serves the page on which a person lets a device in.
func (s *Sim) approveDevice(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if r.ParseForm() != nil {
		s.refusePage(w, formless())
		return
	}
	tenant, code := r.PathValue("tenant"), r.Form.Get("user_code")
	if r.Method == http.MethodGet && code == "" {
		s.codePage(w)
		return
	}
	d := s.waiting(tenant, code)
	if d == nil {
		s.refusePage(w, refusal{400, "invalid_request", 70018, "The code you entered is not valid or has expired."})
		return
	}
	who := r.PostForm.Get("person")
	if r.Method == http.MethodGet {
		s.choosePage(w, d.client, strings.TrimSpace(code))
		return
	}
	if who == "" {
		d.decide("")
		textPage(w, "You declined. You can close this window.")
		return
	}
	asked, no := s.wish(d.client, d.scope)
	var p Person
	if no == nil {
		p, no = s.chosen(d.client, asked, who)
	}
	if no != nil {
		s.refusePage(w, *no)
		return
	}
	d.decide(p.ObjectID)
	textPage(w, "You have signed in to "+d.client.called()+" on your device. You can close this window.")
}

// waiting finds the device that waits for a code which a person typed in.
func (s *Sim) waiting(tenant, userCode string) *device {
	userCode = strings.ToUpper(strings.TrimSpace(userCode))
	for _, d := range s.devices.all() {
		if strings.EqualFold(d.client.TenantID, tenant) && d.waits(s.options.Now(), userCode) {
			return d
		}
	}
	return nil
}

func (d *device) waits(now time.Time, userCode string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.userCode == userCode && d.oid == "" && !d.declined && now.Before(d.until)
}

// decide records what a person decided; an empty object id declines.
func (d *device) decide(oid string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.oid, d.declined = oid, oid == ""
}

func newUserCode() string {
	b := make([]byte, 9)
	_, _ = rand.Read(b) // crypto/rand ends the program rather than return an error
	for i := range b {
		b[i] = userCodeLetters[int(b[i])%len(userCodeLetters)]
	}
	return string(b)
}
