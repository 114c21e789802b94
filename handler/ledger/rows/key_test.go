package rows

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestKeysAreLegalAndNoTwoListsOfPartsMakeTheSame(t *testing.T) {
	t.Parallel()
	part := rapid.OneOf(rapid.String(), rapid.StringMatching(`[|=/a7C]{0,5}`))
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.SliceOfN(part, 1, 4).Draw(t, "a"), rapid.SliceOfN(part, 1, 4).Draw(t, "b")
		same := len(a) == len(b)
		for i := range min(len(a), len(b)) {
			same = same && a[i] == b[i]
		}
		if (Key(a...) == Key(b...)) != same {
			t.Fatalf("Key(%q) and Key(%q) are %q and %q", a, b, Key(a...), Key(b...))
		}
		if k := Key(a...); strings.ContainsAny(k, "/\\#?'%\x00\t\n\x7f") ||
			strings.ContainsFunc(k, func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Fatalf("Key(%q) = %q has forbidden characters", a, k)
		}
	})
}

func TestErrorsHoldNoKeyAndAreWorthALaterTry(t *testing.T) {
	t.Parallel()
	const secret = "c2VjcmV0LWtleS1vZi10aGUtYWNjb3VudA=="
	s, err := Connect(Options{
		ConnectionString: "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=" + secret +
			";TableEndpoint=http://127.0.0.1:1/a",
		Prefix: "t",
		Tenant: "x",
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := contextThatEnds(t)
	defer cancel()
	_, err = s.Table(Watermarks).Read(ctx, &Keys{PartitionKey: "p", RowKey: "x"})
	var failed interface{ Transient() bool }
	if err == nil || strings.Contains(err.Error(), secret) || !asTransient(err, &failed) || !failed.Transient() {
		t.Errorf("Read = %v", err)
	}
	if _, err := Connect(Options{ConnectionString: "AccountKey=" + secret}); err == nil ||
		strings.Contains(err.Error(), secret) || !strings.Contains(err.Error(), "AzureWebJobsStorage") {
		t.Errorf("Connect = %v", err)
	}
}

func contextThatEnds(t *testing.T) (context.Context, context.CancelFunc) {
	return context.WithTimeout(t.Context(), 200*time.Millisecond)
}

func asTransient(err error, target *interface{ Transient() bool }) bool {
	return errors.As(err, target)
}
