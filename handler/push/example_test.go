package push_test

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"cordon/handler/push"
)

// A sender signs the time and the body, so that the secret itself is never sent.
func ExampleSign() {
	body := `{"alertId": "da638400000000000001_1200000001"}`
	request, err := http.NewRequest(http.MethodPost, "https://cordon.example.com/api/alerts", strings.NewReader(body))
	if err != nil {
		fmt.Println(err)
		return
	}
	stamp := fmt.Sprint(time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC).Unix())
	request.Header.Set(push.HeaderTimestamp, stamp)
	signature := push.Sign("a secret of 32 bytes or more ...", stamp, []byte(body))
	request.Header.Set(push.HeaderSignature, fmt.Sprintf("sha256=%x", signature))
	fmt.Println(request.Header.Get(push.HeaderTimestamp), request.Header.Get(push.HeaderSignature)[:20])
	// Output:
	// 1772452800 sha256=4ce92d483b75e
}
