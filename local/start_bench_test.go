package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"cordon/local/world"
)

// contender is one of the handlers whose start is compared.
type contender struct {
	binary, folder string
	settings       []string
}

// started is what one start took, up to the first answered invocation.
type started struct {
	ms     float64 // from exec to the answer
	rssMiB float64 // resident then
	cpuMs  float64 // used until then
}

// contenders are cordon as it is deployed and the bare handler, both built for this run.
func contenders(tb testing.TB) (ours, bare contender) {
	tb.Helper()
	root, err := app()
	if err != nil {
		tb.Fatal(err)
	}
	e, err := world.Start(world.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(e.Close)
	ours = contender{binary: asShipped(tb, "cordon/handler"), folder: root}
	for name, value := range e.Settings {
		// Azure's authorities are the system's, and are read when the first connection is made.
		if name != "CORDON_CA_FILE" {
			ours.settings = append(ours.settings, name+"="+value)
		}
	}
	bare = contender{binary: asShipped(tb, "cordon/local/testdata/bare"), folder: tb.TempDir()}
	return ours, bare
}

// asShipped builds a program as the package is built.
func asShipped(tb testing.TB, program string) string {
	tb.Helper()
	binary := filepath.Join(tb.TempDir(), "handler")
	command := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", binary, program)
	command.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := command.CombinedOutput(); err != nil {
		tb.Fatalf("go build %s: %v\n%s", program, err, out)
	}
	return binary
}

// begin starts the handler, posts one invocation as soon as it listens, and ends it. The message cannot be read, so
// that nothing outside is asked: what is measured is the handler with its services built, and not the network.
func (c contender) begin(tb testing.TB) started {
	tb.Helper()
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	_, port, _ := net.SplitHostPort(address)
	envelope, _ := json.Marshal(map[string]any{
		"Data":     map[string]string{"message": base64.StdEncoding.EncodeToString([]byte(`{"of":"another"}`))},
		"Metadata": map[string]string{"DeliveryCount": "1", "MessageId": `"first"`}})
	command := exec.Command(c.binary)
	command.Dir, command.Env = c.folder, append(slices.Clone(c.settings), "FUNCTIONS_CUSTOMHANDLER_PORT="+port)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	began := time.Now()
	if err := command.Start(); err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = command.Process.Kill(); _ = command.Wait() }()
	for time.Since(began) < 30*time.Second {
		answer, err := client.Post("http://"+address+"/RespondToAlert", "application/json", bytes.NewReader(envelope))
		if err != nil {
			// nothing tells when another process listens; this is how exact the figure is
			time.Sleep(100 * time.Microsecond)
			continue
		}
		took := time.Since(began)
		text, _ := io.ReadAll(answer.Body)
		answer.Body.Close()
		if answer.StatusCode != http.StatusInternalServerError || bytes.Contains(text, []byte("not ready")) {
			tb.Fatalf("%s answered %d %s", c.binary, answer.StatusCode, text)
		}
		rss, cpu := usage(tb, command.Process.Pid)
		return started{ms: float64(took.Microseconds()) / 1000, rssMiB: rss, cpuMs: cpu}
	}
	tb.Fatalf("%s does not answer", c.binary)
	return started{}
}

// usage is a process's resident memory in MiB and the processor time of all its threads in milliseconds.
func usage(tb testing.TB, pid int) (rssMiB, cpuMs float64) {
	tb.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		tb.Skip("this is measured on Linux: ", err)
	}
	for line := range strings.Lines(string(status)) {
		if kib, found := strings.CutPrefix(line, "VmRSS:"); found {
			n, _ := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(kib), " kB"), 64)
			rssMiB = n / 1024
		}
	}
	threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	for _, thread := range threads {
		text, _ := os.ReadFile(thread)
		ns, _, _ := strings.Cut(string(text), " ")
		n, _ := strconv.ParseFloat(ns, 64)
		cpuMs += n / 1e6
	}
	return rssMiB, cpuMs
}

// TestStartIsMeasuredOnAnAnsweredInvocation keeps the benchmark honest: both handlers answer, and their figures are
// read.
func TestStartIsMeasuredOnAnAnsweredInvocation(t *testing.T) {
	t.Parallel()
	ours, bare := contenders(t)
	for _, c := range []contender{ours, bare} {
		if s := c.begin(t); s.ms <= 0 || s.rssMiB <= 1 || s.cpuMs <= 0 {
			t.Errorf("%s: %+v", c.binary, s)
		}
	}
}

// BenchmarkStart compares the time from exec to the first answered invocation, the memory that is resident then and the
// processor time used until then with those of the bare handler, in 30 rounds in which both take turns. Ratio = median
// of ours / median of bare; guard rails: start 1.5, memory 2.2. Resident memory is mostly the pages of the program's
// own file, which the kernel may take back at any time. The numbers of all rounds are printed.
func BenchmarkStart(b *testing.B) {
	ours, bare := contenders(b)
	ours.begin(b) // the first start of a binary reads it from the disk
	bare.begin(b)
	var a, c []started
	for b.Loop() {
		for range 30 {
			a, c = append(a, ours.begin(b)), append(c, bare.begin(b))
		}
	}
	for _, figure := range []struct {
		name string
		of   func(started) float64
	}{
		{"start-ms", func(s started) float64 { return s.ms }},
		{"rss-MiB", func(s started) float64 { return s.rssMiB }},
		{"cpu-ms", func(s started) float64 { return s.cpuMs }},
	} {
		mine, theirs := sorted(a, figure.of), sorted(c, figure.of)
		b.Logf("%s, ours %.1f, bare %.1f", figure.name, mine, theirs)
		b.ReportMetric(mine[len(mine)/2], "ours-"+figure.name)
		b.ReportMetric(mine[len(mine)/2]/theirs[len(theirs)/2], figure.name+"-ours/bare")
	}
	b.ReportMetric(0, "ns/op") // of both together: says nothing
}

func sorted(all []started, of func(started) float64) []float64 {
	var values []float64
	for _, s := range all {
		values = append(values, of(s))
	}
	slices.Sort(values)
	return values
}
