package graph

import (
	"bytes"
	"fmt"
	"runtime"
	"strings"
	"testing"
)

// fullAnswer is an answer with as many rows as the API gives.
func fullAnswer() []byte {
	var b bytes.Buffer
	b.WriteString(`{"schema":[{"name":"Timestamp","type":"DateTime"},{"name":"DeviceId","type":"String"},` +
		`{"name":"DeviceName","type":"String"},` +
		`{"name":"FileName","type":"String"},{"name":"ProcessId","type":"Int64"},{"name":"ProcessCommandLine",` +
		`"type":"String"}],"results":[`)
	for i := range maxHuntingRows {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b,
			`{"Timestamp":"2026-03-02T10:00:00.%07dZ","DeviceId":"%040x","DeviceName":"host-%d.example.com",`+
				`"FileName":"tool.exe","ProcessId":%d,"ProcessCommandLine":%q}`,
			i, i, i, i, strings.Repeat("x", 80))
	}
	b.WriteString("]}")
	return b.Bytes()
}

// BenchmarkDecodeHunting reads the largest answer. kept/size is what the result holds of memory for each byte of the
// answer.
func BenchmarkDecodeHunting(b *testing.B) {
	body := fullAnswer()
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	kept := uint64(0)
	for b.Loop() {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		result, err := decodeHunting(bytes.NewReader(body))
		if err != nil || len(result.Rows) != maxHuntingRows {
			b.Fatalf("%d rows, %v", len(result.Rows), err)
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		kept = after.HeapAlloc - before.HeapAlloc
		runtime.KeepAlive(result)
	}
	b.ReportMetric(float64(kept)/float64(len(body)), "kept/size")
}
