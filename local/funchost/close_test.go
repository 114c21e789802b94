package funchost

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"go.uber.org/goleak"
)

func TestCloseLeavesNothingRunning(t *testing.T) {
	before := goleak.IgnoreCurrent()
	a := responder(t)
	h := a.start()
	a.broker.put("alerts", "m1")
	c := a.next()
	h.Close()
	h.Close()
	if got := receive(t, a.broker.settled, "settlement"); got != "abandon m1" {
		t.Errorf("the message in flight: %s", got)
	}
	if err := syscall.Kill(c.PID, 0); err != syscall.ESRCH {
		t.Errorf("the handler is still there: %v", err)
	}
	if err := h.Wait(); err != nil {
		t.Errorf("Wait: %v", err)
	}
	if err := h.Invoke(t.Context(), "RespondToAlert", "{}"); err == nil {
		t.Error("a stopped host invoked a function")
	}
	goleak.VerifyNone(t, before, goleak.IgnoreAnyFunction("net/http.(*Server).Serve"),
		goleak.IgnoreAnyFunction("net/http.(*conn).serve"),
		goleak.IgnoreAnyFunction("net/http.(*connReader).backgroundRead"))
}

func TestTheHostStopsWithItsContext(t *testing.T) {
	t.Parallel()
	a := responder(t)
	a.control()
	ctx, cancel := context.WithCancel(context.Background())
	h, err := Start(ctx, a.options())
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := h.Wait(); err != nil {
		t.Errorf("Wait: %v", err)
	}
}

// crashingHostMain is a host in a process of its own, for the test that kills it.
func crashingHostMain() int {
	h, err := Start(context.Background(), Options{
		AppRoot:  os.Getenv("APP"),
		Settings: map[string]string{"ROLE": "handler", "PROBE": "200", "CONTROL": os.Getenv("CONTROL")},
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	_ = h.Wait()
	return 0
}

func TestHandlersDieWithACrashedHost(t *testing.T) {
	t.Parallel()
	a := newApp(t, plainHost, map[string]string{"Follow": timerFunction("0 0 0 1 1 *", "")})
	a.starts = make(chan *call)
	a.control()
	cmd := exec.Command(filepath.Join(a.root, "handler"))
	cmd.Env = []string{"ROLE=host", "APP=" + a.root, "CONTROL=" + a.settings["CONTROL"]}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s := start(a)
	s.answer(reply{})
	var port string
	for _, line := range s.Env {
		if p, ok := strings.CutPrefix(line, "FUNCTIONS_CUSTOMHANDLER_PORT="); ok {
			port = p
		}
	}
	listening := func() bool {
		conn, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err == nil {
			conn.Close()
		}
		return err == nil
	}
	eventually(t, "the handler listens", listening)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	eventually(t, "the handler is gone", func() bool { return !listening() })
}
