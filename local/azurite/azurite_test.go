package azurite_test

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"cordon/local/azurite"

	"github.com/Azure/azure-sdk-for-go/sdk/data/aztables"
	"go.uber.org/goleak"
)

const childVariable = "AZURITE_TEST_CHILD"

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func address(t *testing.T, connectionString string) string {
	t.Helper()
	_, rest, found := strings.Cut(connectionString, "TableEndpoint=http://")
	host, _, foundToo := strings.Cut(rest, "/")
	if !found || !foundToo {
		t.Fatal("the connection string names no table endpoint")
	}
	return host
}

// gone waits until nothing listens at address any more.
func gone(t *testing.T, address string) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for time.Now().Before(deadline) {
		connection, err := net.Dial("tcp", address)
		if err != nil {
			return
		}
		_ = connection.Close()
		<-tick.C
	}
	t.Errorf("something still listens at %s", address)
}

func TestStartServesUntilTheTestEnds(t *testing.T) {
	host := ""
	t.Run("inner", func(t *testing.T) {
		connection := azurite.Start(t)
		host = address(t, connection)
		service, err := aztables.NewServiceClientFromConnectionString(connection, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := service.CreateTable(t.Context(), "rows", nil); err != nil {
			t.Fatal(err)
		}
	})
	if host == "" {
		t.Skip("not started: see the inner test")
	}
	gone(t, host)
}

func TestTheServiceDiesWithAKilledTestBinary(t *testing.T) {
	if os.Getenv(childVariable) != "" {
		fmt.Printf("\nchild has %s\n", address(t, azurite.Start(t)))
		select {} // killed by the parent
	}
	azurite.Start(t) // skips where there is nothing to start
	child := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	child.Env = append(os.Environ(), childVariable+"=1")
	output, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	host := ""
	for lines := bufio.NewScanner(output); host == "" && lines.Scan(); {
		host, _ = strings.CutPrefix(lines.Text(), "child has ")
		if !strings.HasPrefix(host, "127.0.0.1:") {
			host = ""
		}
	}
	_ = child.Process.Kill()
	_ = child.Wait() // it was killed: its error says so
	if host == "" {
		t.Fatal("the child started nothing")
	}
	gone(t, host)
}

// report keeps what a test.TB was told, in the place of a test that would end.
type report struct {
	testing.TB
	failed, skipped string
}

func (r *report) Helper() {}

func (r *report) Fatalf(format string, args ...any) {
	r.failed = fmt.Sprintf(format, args...)
	panic(r)
}

func (r *report) Skipf(format string, args ...any) {
	r.skipped = fmt.Sprintf(format, args...)
	panic(r)
}

func startReported(t *testing.T) (r *report) {
	r = &report{TB: t}
	defer func() { _ = recover() }()
	azurite.Start(r)
	return r
}

func TestWithoutNodeTheTestIsSkippedButFailsInCI(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	t.Setenv("CI", "")
	if r := startReported(t); !strings.Contains(r.skipped, "make azurite") || r.failed != "" {
		t.Errorf("skipped with %q, failed with %q", r.skipped, r.failed)
	}
	t.Setenv("CI", "true")
	if r := startReported(t); !strings.Contains(r.failed, "make azurite") || r.skipped != "" {
		t.Errorf("skipped with %q, failed with %q", r.skipped, r.failed)
	}
}

func TestOutsideOfAModuleTheTestFails(t *testing.T) {
	t.Chdir(t.TempDir())
	if r := startReported(t); !strings.Contains(r.failed, "go.mod") {
		t.Errorf("failed with %q", r.failed)
	}
}
