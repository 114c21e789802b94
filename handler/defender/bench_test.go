package defender_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"testing"

	"cordon/handler/alert"
)

// pageBody writes a page of alerts while it is read, so that the page itself takes no memory.
type pageBody struct {
	one   string // an alert with %d where its id varies
	left  int
	ready *strings.Reader
	read  int64
	// sample is told of every read of the body.
	sample func()
}

func newPageBody(tb testing.TB, entity map[string]any, alerts int, sample func()) *pageBody {
	entity["id"] = "da%018d_-1"
	one := strings.ReplaceAll(encode(tb, entity), "%!", "%%!")
	return &pageBody{
		one:    one,
		left:   alerts,
		ready:  strings.NewReader(`{"@odata.context":"x","value":[`),
		sample: sample,
	}
}

// fullEntity has evidence of every kind, about 5 KB.
func fullEntity(tb testing.TB) map[string]any { return object(tb, fixture(tb, "alert.json")) }

func (p *pageBody) Read(b []byte) (int, error) {
	if p.ready == nil {
		return 0, io.EOF
	}
	p.sample()
	n, err := p.ready.Read(b)
	p.read += int64(n)
	if err == nil || err != io.EOF {
		return n, err
	}
	switch {
	case p.left > 1:
		p.ready.Reset(fmt.Sprintf(p.one, p.left) + ",")
	case p.left == 1:
		p.ready.Reset(fmt.Sprintf(p.one, p.left))
	case p.left == 0:
		p.ready.Reset("]}")
	default:
		p.ready = nil
		return n, io.EOF
	}
	p.left--
	return n, nil
}

func (p *pageBody) Close() error { return nil }

// api answers with the page.
func (p *pageBody) api() *api {
	return &api{answer: func(*http.Request) (*http.Response, error) {
		r := reply(200, "")
		r.Body = p
		return r, nil
	}}
}

// heap is what is allocated and not yet freed, garbage included.
func heap() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// peak runs read, which calls sample as it goes and once when it holds most, and returns how far the heap grew at most.
func peak(read func(sample func())) uint64 {
	runtime.GC()
	runtime.GC()
	before, highest, calls := heap(), uint64(0), 0
	read(func() {
		// Reading the statistics stops the world: every 64th read of a body is often enough to see a buffer grow.
		if calls++; calls%64 == 0 {
			highest = max(highest, heap())
		}
	})
	highest = max(highest, heap())
	return highest - min(before, highest)
}

// fullAlert is the alert resource with every member, as a client without a plan would write it.
type fullAlert struct {
	ID, AssignedTo, Severity, Status, Classification, Determination *string
	InvestigationState, DetectionSource, DetectorID, Category       *string
	ThreatFamilyName, Title, Description                            *string
	AlertCreationTime, FirstEventTime, LastEventTime                *string
	LastUpdateTime, ResolvedTime                                    *string
	MachineID, ComputerDNSName, RbacGroupName                       *string
	AadTenantID, ThreatName                                         *string
	IncidentID, InvestigationID                                     *int64

	MitreTechniques []string
	RelatedUser     *struct{ UserName, DomainName string }
	Comments        []struct{ Comment, CreatedBy, CreatedTime string }
	Evidence        []fullEvidence
}

type fullEvidence struct {
	EntityType, EvidenceCreationTime, Sha1, Sha256, FileName, FilePath      *string
	ProcessCommandLine, ProcessCreationTime                                 *string
	ParentProcessCreationTime, ParentProcessFileName, ParentProcessFilePath *string
	IPAddress, URL, RegistryKey, RegistryHive                               *string
	RegistryValueType, RegistryValue, AccountName, DomainName               *string
	UserSid, AadUserID, UserPrincipalName, DetectionStatus                  *string
	ProcessID, ParentProcessID                                              *int64
}

const largePage = 10000

// BenchmarkLargePagePeak compares the memory that a page of 10,000 alerts adds at its peak: AlertPage against reading
// the whole answer and decoding it with encoding/json, by turns. Ratio = median peak of AlertPage / median peak of
// read-all; budget 0.10. The numbers of all rounds are printed.
func BenchmarkLargePagePeak(b *testing.B) {
	var streamed, whole []float64
	var size float64
	for b.Loop() {
		for range 5 {
			streamed = append(streamed, float64(peak(func(sample func()) {
				body := newPageBody(b, fullEntity(b), largePage, sample)
				w := window
				w.Top = largePage
				page, err := body.api().client().AlertPage(b.Context(), w, func(alert.Alert) error { return nil })
				if err != nil || page.Count != largePage {
					b.Fatalf("%d alerts, %v", page.Count, err)
				}
				size = float64(body.read)
			}))/1e6)
			whole = append(whole, float64(peak(func(sample func()) {
				text, err := io.ReadAll(newPageBody(b, fullEntity(b), largePage, sample))
				if err != nil {
					b.Fatal(err)
				}
				var all struct{ Value []fullAlert }
				if err := json.Unmarshal(text, &all); err != nil || len(all.Value) != largePage ||
					*all.Value[0].ID == "" {
					b.Fatalf("%d alerts, %v", len(all.Value), err)
				}
				for range 64 {
					sample()
				}
				runtime.KeepAlive(text)
				runtime.KeepAlive(all)
			}))/1e6)
		}
	}
	slices.Sort(streamed)
	slices.Sort(whole)
	b.Logf("MB at the peak: streamed %.1f, read-all %.1f", streamed, whole)
	ours, theirs := streamed[len(streamed)/2], whole[len(whole)/2]
	b.ReportMetric(size/1e6, "page-MB")
	b.ReportMetric(ours, "stream-peak-MB")
	b.ReportMetric(theirs, "read-all-peak-MB")
	b.ReportMetric(ours/theirs, "peak-ratio")
}

// BenchmarkAlertPage tells time and allocations per alert.
func BenchmarkAlertPage(b *testing.B) {
	b.ReportAllocs()
	w := window
	w.Top = 1000
	for b.Loop() {
		body := newPageBody(b, fullEntity(b), w.Top, func() {})
		if page, err := body.api().client().AlertPage(b.Context(), w, func(alert.Alert) error {
			return nil
		}); err != nil || page.Count != w.Top {
			b.Fatalf("%d alerts, %v", page.Count, err)
		}
	}
}

// Not parallel: what other tests hold would count.
func TestLargePageIsNeverInMemoryAsAWhole(t *testing.T) {
	runtime.GC()
	before, live, seen := heap(), uint64(0), 0
	small := object(t, fixture(t, "alert_list_last_page.json"))["value"].([]any)[0].(map[string]any)
	body := newPageBody(t, small, largePage, func() {})
	w := window
	w.Top = largePage
	page, err := body.api().client().AlertPage(t.Context(), w, func(alert.Alert) error {
		if seen++; seen%2000 == 0 {
			runtime.GC()
			live = max(live, heap())
		}
		return nil
	})
	if err != nil || page.Count != largePage {
		t.Fatalf("%d alerts, %v", page.Count, err)
	}
	if grown, limit := live-min(before, live), uint64(body.read/10); grown > limit {
		t.Errorf("%d bytes are held while a page of %d is read, want at most %d", grown, body.read, limit)
	}
}
