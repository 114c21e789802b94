// Package azurite runs the vendor's storage emulator, Azurite, for tests that want its Table service: suites that must
// hold on cordon/local/tables are held against it as well. It needs Node.js and the packages of this folder's
// package-lock.json, which `make azurite` installs.
package azurite

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"cordon/local/internal/node"
)

const (
	account  = "devstoreaccount1"
	patience = time.Minute
)

// Start runs an empty in-memory Table service on a free loopback port and returns its connection string, once it
// listens. It takes about two seconds, so start one per test function and give each subtest tables of its own. The
// service ends with t, or with the test binary if that ends first, whatever way.
//
// Without Node.js or the installed packages the test is skipped, or fails when the environment says CI=true.
func Start(t testing.TB) string {
	t.Helper()
	program, dir := node.Find(t, "azurite")
	key := randomKey()
	return fmt.Sprintf("DefaultEndpointsProtocol=http;AccountName=%s;AccountKey=%s;TableEndpoint=http://127.0.0.1:"+
		"%s/%s;",
		account, key, run(t, program, dir, key), account)
}

func randomKey() string {
	key := make([]byte, 64)
	_, _ = rand.Read(key) // never fails: crypto/rand ends the process instead
	return base64.StdEncoding.EncodeToString(key)
}

// run starts the process and returns its port.
func run(t testing.TB, program, dir, key string) string {
	t.Helper()
	output := &transcript{ready: make(chan string, 1)}
	cmd := exec.Command(program, filepath.Join(dir, "tied.js"),
		"--inMemoryPersistence", "--disableTelemetry", "--silent", "--tableHost", "127.0.0.1", "--tablePort", "0")
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), "AZURITE_ACCOUNTS="+account+":"+key)
	cmd.Stdout, cmd.Stderr = output, output
	// Nothing is ever written here: it is the end of this pipe, at the latest when the test binary dies, that ends
	// Azurite.
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatalf("azurite: open its standard input: %v", err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("azurite: start node: %v", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = stdin.Close()
		_ = cmd.Process.Kill() // in memory there is nothing to save, so there is nothing to wait for
		<-ended
	})
	select {
	case port := <-output.ready:
		return port
	case err := <-ended:
		ended <- err
		t.Fatalf("azurite: ended before it listened: %v\n%s", err, output)
	case <-time.After(patience):
		t.Fatalf("azurite: not listening after %v\n%s", patience, output)
	}
	return ""
}

// transcript keeps what the process says and sends the port, once, when the line with it has come.
type transcript struct {
	mu    sync.Mutex
	text  strings.Builder
	said  bool
	ready chan string
}

// Write takes the next piece of output.
func (o *transcript) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text.Write(p)
	match := regexp.MustCompile(`listening on port (\d+);`).FindStringSubmatch(o.text.String())
	if match != nil && !o.said {
		o.said = true
		o.ready <- match[1]
	}
	return len(p), nil
}

// String returns the output so far.
func (o *transcript) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}
