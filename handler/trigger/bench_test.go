package trigger

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"
)

// bareHandler answers an envelope with net/http and encoding/json and nothing else, decoded whole: what this package is
// measured against.
func bareHandler(service func(context.Context, Delivery) error) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /RespondToAlert", func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			Data     struct{ Message string }
			Metadata map[string]any
		}
		body, err := io.ReadAll(r.Body)
		if err == nil {
			err = json.Unmarshal(body, &in)
		}
		var d Delivery
		if err == nil {
			d.Body, err = base64.StdEncoding.DecodeString(in.Data.Message)
		}
		if err == nil {
			count, _ := in.Metadata["DeliveryCount"].(string)
			d.DeliveryCount, err = strconv.Atoi(count)
		}
		if err == nil {
			id, _ := in.Metadata["MessageId"].(string)
			err = json.Unmarshal([]byte(id), &d.MessageID)
		}
		if err == nil {
			err = service(r.Context(), d)
		}
		if err != nil {
			http.Error(w, "failed", http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{
			"Outputs":     map[string]any{},
			"Logs":        []string{},
			"ReturnValue": nil,
		})
	})
	return mux
}

// deliveryOf is a delivery as the host sends it, with a message of size bytes.
func deliveryOf(b *testing.B, size int) []byte {
	b.Helper()
	text, err := os.ReadFile("testdata/invocations/servicebus-json-datatype-binary.json")
	if err != nil {
		b.Fatal(err)
	}
	var envelope map[string]map[string]any
	if err := json.Unmarshal(text, &envelope); err != nil {
		b.Fatal(err)
	}
	envelope["Data"] = map[string]any{queueBinding: base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("a"), size))}
	text, err = json.Marshal(envelope)
	if err != nil {
		b.Fatal(err)
	}
	return text
}

// BenchmarkWarmInvocation measures one invocation, without the network, against the bare handler in the same run. Both
// take turns, so that a busy machine slows both. Nothing waits and nothing runs beside it, so that the time is the
// processor's. Ratio = median of ours / median of bare; below 1 is faster. Tenths of both distributions are printed.
func BenchmarkWarmInvocation(b *testing.B) {
	for _, size := range []int{1 << 10, 32 << 10, 192 << 10} {
		b.Run(strconv.Itoa(size>>10)+"KiB", func(b *testing.B) {
			envelope := deliveryOf(b, size)
			service := func(_ context.Context, d Delivery) error {
				if len(d.Body) != size || d.DeliveryCount != 1 || d.MessageID == "" {
					b.Errorf("delivery of %d bytes, %+v", len(d.Body), d)
				}
				return nil
			}
			ours, _ := start(func(context.Context) (Services, error) { return Services{RespondToAlert: service}, nil })
			ours.Warm(b.Context())
			bare := bareHandler(service)
			call := func(h http.Handler) time.Duration {
				r := httptest.NewRequest(http.MethodPost, "/RespondToAlert", bytes.NewReader(envelope))
				r.Header.Set("Content-Type", "application/json; charset=utf-8")
				r.Header.Set("X-Azure-Functions-InvocationId", "4b8d2e81-6b2c-4e1a-8c65-3a8b5e9f7c26")
				w := httptest.NewRecorder()
				began := time.Now()
				h.ServeHTTP(w, r)
				took := time.Since(began)
				if w.Code != http.StatusOK {
					b.Fatalf("%d %s", w.Code, w.Body)
				}
				return took
			}
			var a, c []time.Duration
			for b.Loop() {
				a = append(a, call(ours))
				c = append(c, call(bare))
			}
			slices.Sort(a)
			slices.Sort(c)
			b.Logf("of %d invocations, tenths: ours %v, bare %v", len(a), tenths(a), tenths(c))
			mine, theirs := a[len(a)/2], c[len(c)/2]
			b.ReportMetric(float64(mine.Nanoseconds()), "ours-ns/op")
			b.ReportMetric(float64(theirs.Nanoseconds()), "bare-ns/op")
			b.ReportMetric(float64(mine)/float64(theirs), "ours/bare")
			b.ReportMetric(0, "ns/op") // of both together: says nothing
		})
	}
}

// tenths are the quantiles 0, 0.1 and so on up to 1 of what is sorted.
func tenths(sorted []time.Duration) (q []time.Duration) {
	for i := range 11 {
		q = append(q, sorted[(len(sorted)-1)*i/10])
	}
	return q
}
