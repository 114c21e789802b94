package defender

import (
	"net/http"
	"time"
)

// date is the API's clock when it answered; zero if the header is missing or wrong.
func date(answer *http.Response) time.Time {
	t, err := http.ParseTime(answer.Header.Get("Date"))
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}
