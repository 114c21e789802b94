package tables_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"cordon/local/tables"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/data/aztables"
)

// bearer is a credential with one token, which says what scope it was asked for.
type bearer struct {
	token string
	scope []string
}

func (b *bearer) GetToken(_ context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	b.scope = o.Scopes
	return azcore.AccessToken{Token: b.token, ExpiresOn: time.Now().Add(time.Hour)}, nil
}

func TestATokenIsAsGoodAsTheKey(t *testing.T) {
	server := tables.New(tables.Options{Account: "acct", Verify: func(token string) error {
		switch token {
		case "good":
			return nil
		case "without a role":
			return tables.ErrNoPermission
		}
		return errors.New("no")
	}})
	front := httptest.NewTLSServer(server)
	t.Cleanup(front.Close)
	client := func(token string) (*aztables.ServiceClient, *bearer) {
		credential := &bearer{token: token}
		c, err := aztables.NewServiceClient(front.URL+"/acct", credential,
			&aztables.ClientOptions{ClientOptions: policy.ClientOptions{
				Transport: front.Client(), Retry: policy.RetryOptions{MaxRetries: -1}}})
		if err != nil {
			t.Fatal(err)
		}
		return c, credential
	}
	service, credential := client("good")
	insert(t, createTable(t, service, "rows"), entity("p", "r"))
	if len(server.Rows("rows")) != 1 || len(credential.scope) != 1 ||
		credential.scope[0] != "https://storage.azure.com/.default" {
		t.Errorf("rows %v, scope %v", server.Rows("rows"), credential.scope)
	}
	for token, want := range map[string]struct {
		status int
		code   string
	}{
		"expired":        {http.StatusUnauthorized, "InvalidAuthenticationInfo"},
		"without a role": {http.StatusForbidden, "AuthorizationPermissionMismatch"},
	} {
		service, _ := client(token)
		_, err := service.NewClient("rows").AddEntity(t.Context(), encode(t, entity("p", "r2")), nil)
		refused(t, err, want.status, want.code)
	}
}

func TestATokenIsTakenOverTLSOnlyAndOnlyWhereTokensCount(t *testing.T) {
	for name, o := range map[string]tables.Options{
		"no TLS":    {Verify: func(string) error { return nil }},
		"no tokens": {},
	} {
		r := httptest.NewRequest(http.MethodGet, "/devstoreaccount1/Tables", nil)
		r.Header.Set("Authorization", "Bearer good")
		r.Header.Set("x-ms-date", "now")
		w := httptest.NewRecorder()
		tables.New(o).ServeHTTP(w, r)
		if w.Code == http.StatusOK {
			t.Errorf("%s: let in", name)
		}
	}
}
