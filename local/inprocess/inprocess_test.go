package inprocess

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
)

// echo answers with what it was asked.
func echo(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	_, _ = io.WriteString(w, r.Method+" "+r.Host+" "+r.RequestURI+" "+string(body))
}

func TestAHandlerSeesWhatAServerWouldShowIt(t *testing.T) {
	t.Parallel()
	client := &http.Client{Transport: Transport{http.HandlerFunc(echo)}}
	answer, err := client.Post("http://api.example.com/a%2Fb?x=1", "text/plain", strings.NewReader("body"))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if got, _ := io.ReadAll(answer.Body); string(got) != "POST api.example.com /a%2Fb?x=1 body" {
		t.Errorf("it saw %q", got)
	}
}

func TestAnAbortedAnswerIsABrokenConnection(t *testing.T) {
	t.Parallel()
	client := &http.Client{Transport: Transport{http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		panic(http.ErrAbortHandler)
	})}}
	answer, err := client.Get("http://api.example.com/")
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		answer.Body.Close()
		t.Errorf("error %v", err)
	}
}

func TestWhoGaveUpHearsNothingAndItIsCarriedOutAllTheSame(t *testing.T) {
	t.Parallel()
	ctx, giveUp := context.WithCancel(t.Context())
	done := 0
	h := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		giveUp()
		done++
	})
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://api.example.com/", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := (Transport{h}).RoundTrip(r); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if answer, err := Serve(h, r); err != nil || answer.StatusCode != http.StatusOK || done != 2 {
		t.Errorf("%v, carried out %d times", err, done)
	}
}
