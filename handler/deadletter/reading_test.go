package deadletter

import (
	"strings"
	"testing"
)

const ours = "3f6a1c52-8d0e-4b7b-9a64-5c2d71e0b9f4"

func TestACopysIDFitsHoweverLongTheNamesAre(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 128)
	r := ReadAlert(ours, 1<<63-1, []byte(`{"alertId":"`+long+`","version":2147483647}`))
	if !r.Readable || len(r.CopyID()) > 128 {
		t.Errorf("%+v with an id of %d bytes", r, len(r.CopyID()))
	}
	r = ReadNotice(ours, 1<<63-1, []byte(`{"format":1,"tenant":"`+ours+`","group":"`+long+`","seq":2147483647}`))
	if !r.Readable || len(r.CopyID()) > 128 {
		t.Errorf("%+v with an id of %d bytes", r, len(r.CopyID()))
	}
}
