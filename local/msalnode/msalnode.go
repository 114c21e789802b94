// Package msalnode has the vendor's Node client, MSAL, sign in at the stand-in of Microsoft Entra ID. It needs Node.js
// and the packages of this folder's package-lock.json, which `make msalnode` installs.
package msalnode

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"cordon/local/internal/node"
)

// Job is one way to sign in.
type Job struct {
	Way       string   `json:"way"` // clientCredentials, code, interactive or deviceCode
	Authority string   `json:"authority"`
	Client    string   `json:"client"`
	Proof     string   `json:"proof,omitempty"` // the secret of a client that has one
	Redirect  string   `json:"redirect,omitempty"`
	Scopes    []string `json:"scopes"`

	// CAFile is the certificate authority that the client trusts for this.
	CAFile string `json:"-"`
	// Open has a person go to a URL, and returns the one that the browser is sent back to.
	Open func(address string) (back string) `json:"-"`
	// Approve has a person type in the code of a device.
	Approve func(verification, userCode string) `json:"-"`
	// SignedIn is told when the interactive way has signed in and is about to refresh.
	SignedIn func() `json:"-"`
}

// Result is what came of it.
type Result struct {
	AccessToken string `json:"accessToken"`
	IDToken     string `json:"idToken"`
	Username    string `json:"username"`
	Error       string `json:"error"` // as the client words it; empty: it went well
}

// event is one line of the client's.
type event struct {
	Open   string
	Device *struct {
		UserCode        string
		VerificationURI string
	}
	Changed string
	Result  *Result
}

// SignIn does one job.
//
// Without Node.js or the packages the test is skipped, or fails when the environment says CI=true.
func SignIn(t testing.TB, job Job) Result {
	t.Helper()
	program, dir := node.Find(t, "msalnode")
	client := exec.CommandContext(t.Context(), program, filepath.Join(dir, "signin.js"))
	client.Env = append(os.Environ(), "NODE_EXTRA_CA_CERTS="+job.CAFile)
	client.Stderr = os.Stderr
	in, errIn := client.StdinPipe()
	out, errOut := client.StdoutPipe()
	if errIn != nil || errOut != nil {
		t.Fatalf("msalnode: %v %v", errIn, errOut)
	}
	if err := client.Start(); err != nil {
		t.Fatalf("msalnode: %v", err)
	}
	say := json.NewEncoder(in)
	if err := say.Encode(job); err != nil {
		t.Errorf("msalnode: %v", err)
	}
	var result *Result
	for lines := bufio.NewScanner(out); result == nil && lines.Scan(); {
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			t.Errorf("msalnode: %v: %s", err, lines.Text())
		}
		if answer := job.play(e); answer != nil {
			_ = say.Encode(answer) // a client that has ended says so by its result
		}
		result = e.Result
	}
	_ = in.Close()
	if err := client.Wait(); err != nil || result == nil {
		t.Fatalf("msalnode: no result, %v", err)
	}
	return *result
}

// play does what a person has to do.
func (j Job) play(e event) (answer map[string]string) {
	switch {
	case e.Open != "":
		return map[string]string{"back": j.Open(e.Open)}
	case e.Device != nil:
		j.Approve(e.Device.VerificationURI, e.Device.UserCode)
	case e.Changed != "":
		j.SignedIn()
		return map[string]string{}
	}
	return nil
}
