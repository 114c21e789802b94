package rows

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// severed is a connection that is away.
type severed struct{}

func (severed) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, errors.New("the cable is cut")
}

func TestNoErrorShowsASharedAccessSignature(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, err := Connect(Options{
			ConnectionString: "AccountName=acc;SharedAccessSignature=sv=2024-11-04&sig=s3cr3t",
			Prefix:           "t",
			Tenant:           "tenant",
			Transport:        &http.Client{Transport: severed{}},
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		switches := s.Table(Switches)
		row := switches.At("x")
		_, read := switches.Read(ctx, &row)
		for what, err := range map[string]error{
			"prepare": s.Prepare(ctx),
			"write":   switches.Put(ctx, &row),
			"read":    read,
		} {
			if err == nil || strings.Contains(err.Error(), "s3cr3t") ||
				!strings.Contains(err.Error(), "acc.table.core.windows.net") ||
				!strings.Contains(err.Error(), "cable") {
				t.Errorf("%s: %v", what, err)
			}
		}
	})
}
