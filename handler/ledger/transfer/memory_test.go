package transfer

import (
	"bytes"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"cordon/handler/internal/long"
	"cordon/local/tables"
)

// alive is what is reachable on the heap.
func alive() uint64 {
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return s.HeapAlloc
}

// TestALargeRecordIsNeverInMemory exports 20,000 rows of 2 KB, and reads the file. Not parallel: it looks at the heap.
func TestALargeRecordIsNeverInMemory(t *testing.T) {
	long.Test(t)
	const many, most = 20_000, 12 << 20
	was := tables.New(tables.Options{})
	for i := range many {
		was.PutRow("talerts", tables.Row{
			PartitionKey: fmt.Sprintf("tenant|da%05d", i),
			RowKey:       "seen",
			Properties:   map[string]any{"Text": strings.Repeat(fmt.Sprint(i), 400)},
		})
	}
	l, _ := over(t, was, "tenant", -1, false)
	if err := l.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	base, peak, heard := alive(), uint64(0), 0
	look := func(string, int) {
		if heard++; heard%4000 == 0 {
			peak = max(peak, alive())
		}
	}
	var file bytes.Buffer
	begun := time.Now()
	if _, err := l.Export(t.Context(), &file, Made("t", "1", noon), look); err != nil {
		t.Fatal(err)
	}
	if peak > base+uint64(file.Cap())+most {
		t.Errorf("the export takes %d KiB", (peak-base)>>10)
	}
	t.Logf("%d rows are %d KiB, exported in %v with %d KiB more", many, file.Len()>>10, time.Since(begun),
		(max(peak, base)-base)>>10)

	base, peak = alive(), 0
	reader := &sampled{Reader: bytes.NewReader(file.Bytes()), look: func() { peak = max(peak, alive()) }}
	if found, err := Check(reader, "tenant"); err != nil || found.Rows != many || peak == 0 || peak > base+most {
		t.Errorf("%+v, %v; it takes %d KiB", found, err, (max(peak, base)-base)>>10)
	}
}

// sampled is a reader that is looked at now and then.
type sampled struct {
	io.Reader
	look func()
	read int
}

func (s *sampled) Read(p []byte) (int, error) {
	if s.read++; s.read%8 == 0 {
		s.look()
	}
	return s.Reader.Read(p)
}
