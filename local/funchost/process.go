package funchost

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// process is one run of the handler binary.
type process struct {
	cmd    *exec.Cmd
	base   string
	client *http.Client
	errors *tail
	// recycled says that the host killed the process to start it again; such an end is no error event.
	recycled atomic.Bool
	// doomed says that an invocation hung in the process, which will be recycled.
	doomed atomic.Bool
	// left says that the host went without it.
	left atomic.Bool
	// done is closed once the process is reaped and its output delivered; state of cmd may be read after that.
	done chan struct{}
}

// startProcess starts the binary for an instance. The child dies with the host.
func startProcess(in *instance) (*process, error) {
	c := in.h.config
	id := newGUID()
	port := fmt.Sprint(in.port)
	cmd := exec.Command(c.executable, c.args...)
	cmd.Dir = c.dir
	cmd.SysProcAttr = processAttributes()
	cmd.WaitDelay = time.Second
	cmd.Env = environment(in.h.o.Settings, in.own, map[string]string{
		"FUNCTIONS_CUSTOMHANDLER_PORT": port, "FUNCTIONS_HTTPWORKER_PORT": port,
		"FUNCTIONS_CUSTOMHANDLER_WORKER_ID": id, "FUNCTIONS_HTTPWORKER_ID": id,
		"FUNCTIONS_APP_ROOT_PATH": in.h.o.AppRoot,
	})
	p := &process{cmd: cmd, base: "http://127.0.0.1:" + port, errors: &tail{}, done: make(chan struct{})}
	p.client = newClient(c.forward)
	stdout := &lineWriter{emit: func(text string) {
		in.h.o.Stdout(Line{Group: in.group, Instance: in.index, Text: text})
	}}
	stderr := &lineWriter{emit: func(text string) {
		p.errors.add(text)
		in.h.o.Stderr(Line{Group: in.group, Instance: in.index, Text: text})
	}}
	cmd.Stdout, cmd.Stderr = stdout, stderr
	if err := in.h.spawner.do(cmd.Start); err != nil {
		return nil, err
	}
	go func() {
		defer close(p.done)
		_ = cmd.Wait() // how it ended is read from ProcessState
		stdout.flush()
		stderr.flush()
		p.client.CloseIdleConnections()
	}()
	return p, nil
}

// newClient is the host's HTTP client towards one process. A new process gets a new one, so that no request meets a
// connection of its predecessor. With forwarding on redirects are passed on, otherwise they are followed.
func newClient(forward bool) *http.Client {
	check := func(_ *http.Request, via []*http.Request) error {
		if len(via) >= 50 {
			return errors.New("stopped after 50 redirects")
		}
		return nil
	}
	if forward {
		check = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	}
	transport := &http.Transport{
		DisableCompression:  true,
		MaxIdleConnsPerHost: 64,
		DialContext:         (&net.Dialer{}).DialContext,
	}
	return &http.Client{Transport: transport, CheckRedirect: check}
}

// probe asks GET / until the handler answers anything. Only a refused connection means "not yet".
func (p *process) probe(ctx context.Context, interval time.Duration) error {
	for {
		if err := p.ping(ctx); !errors.Is(err, syscall.ECONNREFUSED) {
			return ctx.Err()
		}
		pause := time.NewTimer(interval)
		select {
		case <-pause.C:
		case <-p.done:
			pause.Stop()
			return errExited
		case <-ctx.Done():
			pause.Stop()
			return ctx.Err()
		}
	}
}

func (p *process) ping(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.base+"/", nil)
	if err != nil {
		return err
	}
	resp, err := p.client.Do(req)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

// send performs a request and reads the whole answer. .NET's client sends the body to its end before it looks for an
// answer: a handler that answers early and closes the connection is not heard if the rest of the body found no room on
// the way, which on a loopback connection begins between 3 and 10 MB.
func (p *process) send(req *http.Request) (*answer, error) {
	sent := make(chan error, 1)
	forget := func(httptrace.GotConnInfo) { // what came of another connection
		select {
		case <-sent:
		default:
		}
	}
	note := func(i httptrace.WroteRequestInfo) {
		select {
		case sent <- i.Err:
		default:
		}
	}
	trace := &httptrace.ClientTrace{GotConn: forget, WroteRequest: note}
	req = req.WithContext(httptrace.WithClientTrace(req.Context(), trace))
	resp, err := p.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	select {
	case err = <-sent:
	case <-req.Context().Done():
		err = context.Cause(req.Context())
	}
	if err != nil {
		return nil, fmt.Errorf("the handler answered before it had the whole body: %w", err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return &answer{status: resp.StatusCode}, fmt.Errorf("the answer broke off: %w", err)
	}
	return &answer{status: resp.StatusCode, header: resp.Header, body: body}, nil
}

// kill ends the process with SIGKILL and waits until it is gone.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // the only failure is that it has ended already
	<-p.done
}

func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// endNoticed is how long after a broken connection the end of the process is waited for.
const endNoticed = 100 * time.Millisecond

// awaitEnd is called when the process gave no answer. If that is because it ended, the host knows before the message of
// the failed invocation has made its way to the broker and back: without the wait, the message would come back to a
// dead process until its deliveries are used up.
func (p *process) awaitEnd(ctx context.Context) {
	wait := time.NewTimer(endNoticed)
	defer wait.Stop()
	select {
	case <-p.done:
	case <-wait.C:
	case <-ctx.Done():
	}
}

// recycle kills the process to have it started again without counting an error.
func (p *process) recycle() {
	p.recycled.Store(true)
	p.kill()
}

// failure describes an unwanted end, with the last lines of stderr as the host attaches them.
func (p *process) failure() error {
	text := "the handler process ended: " + p.cmd.ProcessState.String()
	if last := p.errors.text(); last != "" {
		text += "; last lines of stderr: " + last
	}
	return errors.New(text)
}

// lineWriter cuts a stream into lines and hands them on. It is used by one goroutine at a time.
type lineWriter struct {
	emit func(string)
	buf  []byte
}

// maxLine bounds one line; a longer one is handed on in pieces.
const maxLine = 64 << 10

func (w *lineWriter) Write(b []byte) (int, error) {
	w.buf = append(w.buf, b...)
	for {
		i := bytes.IndexByte(w.buf, '\n')
		if i < 0 && len(w.buf) < maxLine {
			return len(b), nil
		}
		if i < 0 {
			i = len(w.buf)
		}
		w.emit(strings.TrimSuffix(string(w.buf[:i]), "\r"))
		w.buf = w.buf[min(i+1, len(w.buf)):]
	}
}

func (w *lineWriter) flush() {
	if len(w.buf) > 0 {
		w.emit(string(w.buf))
		w.buf = nil
	}
}

// tail keeps the last three lines.
type tail struct {
	mu    sync.Mutex
	lines []string
}

func (t *tail) add(line string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lines = append(t.lines, line)
	t.lines = t.lines[max(0, len(t.lines)-3):]
}

func (t *tail) text() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.Join(t.lines, " | ")
}
