package servicebus

import (
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

func TestAPipeCarriesBytesBothWaysWithoutWaiting(t *testing.T) {
	t.Parallel()
	a, b := newPipe()
	large := strings.Repeat("x", 1<<20)
	for _, ends := range [][2]net.Conn{{a, b}, {b, a}} {
		if n, err := io.WriteString(ends[0], large); n != len(large) || err != nil {
			t.Fatalf("%d bytes, error %v", n, err)
		}
		got := make([]byte, len(large))
		if _, err := io.ReadFull(ends[1], got); err != nil || string(got) != large {
			t.Fatalf("error %v", err)
		}
	}
}

func TestAClosedPipeSaysSoAsASocketDoes(t *testing.T) {
	t.Parallel()
	a, b := newPipe()
	if _, err := io.WriteString(a, "last"); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(a.Close(), a.Close()); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(b); string(got) != "last" || err != nil {
		t.Errorf("read %q, error %v", got, err)
	}
	var lost net.Error
	if _, err := b.Write([]byte("x")); !errors.As(err, &lost) {
		t.Errorf("write to a closed peer: %v", err)
	}
	if _, err := a.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("write: %v", err)
	}
	if _, err := a.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("read: %v", err)
	}
}

func TestAReadEndsAtItsDeadlineOrAtClose(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		end  func(net.Conn) error
		want error
	}{
		"deadline": {func(c net.Conn) error {
			return c.SetDeadline(time.Now().Add(time.Millisecond))
		}, os.ErrDeadlineExceeded},
		"past deadline": {func(c net.Conn) error { return c.SetReadDeadline(time.Unix(1, 0)) }, os.ErrDeadlineExceeded},
		"close":         {net.Conn.Close, net.ErrClosed},
	} {
		a, b := newPipe()
		failed := make(chan error)
		go func() {
			_, err := a.Read(make([]byte, 1))
			failed <- err
		}()
		if err := c.end(a); err != nil {
			t.Fatal(err)
		}
		if err := <-failed; !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
		if name == "close" {
			continue
		}
		if err := errors.Join(a.SetDeadline(time.Time{}), a.SetWriteDeadline(time.Unix(1, 0))); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		if n, err := a.Read(make([]byte, 1)); n != 1 || err != nil {
			t.Errorf("%s: without the deadline: %v", name, err)
		}
	}
}

func TestAManualClockFiresInOrderOfTime(t *testing.T) {
	t.Parallel()
	c := NewManualClock(start)
	var fired []string
	note := func(name string) func() {
		return func() { fired = append(fired, name+" at "+c.Now().Sub(start).String()) }
	}
	c.AfterFunc(2*time.Second, note("second"))
	c.AfterFunc(time.Second, func() { note("first")(); c.AfterFunc(time.Second/2, note("between")) })
	stop := c.AfterFunc(time.Second, note("never"))
	c.AfterFunc(time.Hour, note("later"))
	if !stop() || stop() {
		t.Error("a timer can be stopped once")
	}
	c.Advance(10 * time.Second)
	if got, want := strings.Join(fired, ", "), "first at 1s, between at 1.5s, second at 2s"; got != want {
		t.Errorf("fired %s; want %s", got, want)
	}
	if got := c.Now(); !got.Equal(start.Add(10 * time.Second)) {
		t.Errorf("the clock stands at %v", got)
	}
}
