package notice

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"cordon/local/pagetest"
)

// TestMailsFitPhonesAndDesks shows every mail of the golden files in a browser.
func TestMailsFitPhonesAndDesks(t *testing.T) {
	t.Parallel()
	browser := pagetest.Open(t)
	var mails []string
	for _, name := range []string{"hostile", "two-machines", "isolated", "no-machine"} {
		_, html, err := render(pages()[name])
		if err != nil {
			t.Fatal(err)
		}
		mails = append(mails, html)
	}
	for _, p := range rowsPages() {
		_, html, err := renderRows(p)
		if err != nil {
			t.Fatal(err)
		}
		mails = append(mails, html)
	}
	for _, html := range mails {
		web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			_, _ = w.Write([]byte(html))
		}))
		browser.Overflow(web.URL, pagetest.Narrow)
		browser.Overflow(web.URL, pagetest.Wide)
		web.Close()
	}
}
