package machine

import "testing"

func TestAResultCodeIsShownWithWhatItMeans(t *testing.T) {
	t.Parallel()
	for code, want := range map[int64]string{
		-2147024784: "0x80070070: the disk is full",
		0x80070070:  "0x80070070: the disk is full",
		-2145844840: "0x80190198: the request took too long (HTTP 408)",
		-2147467260: "0x80004004: the operation was aborted",
		-2016345777: "0x87D1014F",
		5:           "0x00000005",
	} {
		if got := ResultText(code); got != want {
			t.Errorf("%d: %q, want %q", code, got, want)
		}
	}
}
