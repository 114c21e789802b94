package tables_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"cordon/local/tables"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/data/aztables"
)

type row = map[string]any

// connect returns a client that repeats nothing, so that every refusal is seen as it came.
func connect(t *testing.T, connectionString string) *aztables.ServiceClient {
	t.Helper()
	client, err := aztables.NewServiceClientFromConnectionString(connectionString, &aztables.ClientOptions{
		ClientOptions: policy.ClientOptions{Retry: policy.RetryOptions{MaxRetries: -1}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// serve starts a stand-in with its own account.
func serve(t *testing.T, o tables.Options) (*tables.Server, *aztables.ServiceClient) {
	t.Helper()
	server := tables.New(o)
	front := httptest.NewServer(server)
	t.Cleanup(front.Close)
	return server, connect(t, server.ConnectionString(front.URL))
}

func createTable(t *testing.T, service *aztables.ServiceClient, name string) *aztables.Client {
	t.Helper()
	if _, err := service.CreateTable(t.Context(), name, nil); err != nil {
		t.Fatal(err)
	}
	return service.NewClient(name)
}

func encode(t *testing.T, r any) []byte {
	t.Helper()
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func entity(partition, rowKey string, pairs ...any) row {
	r := row{"PartitionKey": partition, "RowKey": rowKey}
	for i := 0; i < len(pairs); i += 2 {
		r[pairs[i].(string)] = pairs[i+1]
	}
	return r
}

func insert(t *testing.T, c *aztables.Client, r row) azcore.ETag {
	t.Helper()
	response, err := c.AddEntity(t.Context(), encode(t, r), nil)
	if err != nil {
		t.Fatal(err)
	}
	if response.ETag == "" {
		t.Fatal("an insert was answered without an ETag")
	}
	return response.ETag
}

// read returns a row without its timestamp and annotations, and its ETag.
func read(t *testing.T, c *aztables.Client, partition, rowKey string) (row, azcore.ETag) {
	t.Helper()
	response, err := c.GetEntity(t.Context(), partition, rowKey, nil)
	if err != nil {
		t.Fatal(err)
	}
	return plain(t, response.Value), response.ETag
}

func plain(t *testing.T, text []byte) row {
	t.Helper()
	var r row
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatal(err)
	}
	for name := range r {
		if strings.HasPrefix(name, "odata.") || name == "Timestamp" || name == "Timestamp@odata.type" {
			delete(r, name)
		}
	}
	return r
}

// list returns the row keys of every page of a query.
func list(t *testing.T, c *aztables.Client, o *aztables.ListEntitiesOptions) (pages [][]string) {
	t.Helper()
	pager := c.NewListEntitiesPager(o)
	for pager.More() {
		page, err := pager.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		keys := []string{}
		for _, text := range page.Entities {
			keys = append(keys, fmt.Sprint(plain(t, text)["RowKey"]))
		}
		pages = append(pages, keys)
	}
	return pages
}

// refused fails the test unless err is a refusal with this status and, where one is given, this code.
func refused(t *testing.T, err error, status int, code string) *azcore.ResponseError {
	t.Helper()
	var response *azcore.ResponseError
	if !errors.As(err, &response) {
		t.Fatalf("got %v, want a refusal with %d %s", err, status, code)
	}
	if response.StatusCode != status || code != "" && response.ErrorCode != code {
		t.Fatalf("got %d %q, want %d %q: %v", response.StatusCode, response.ErrorCode, status, code, err)
	}
	return response
}

// failedPart reads the error that is inside the answer to a failed transaction.
func failedPart(t *testing.T, err error) string {
	t.Helper()
	response := refused(t, err, http.StatusAccepted, "")
	if response.ErrorCode != "" {
		t.Errorf("ErrorCode is %q, want none", response.ErrorCode)
	}
	body, readErr := io.ReadAll(response.RawResponse.Body)
	if readErr != nil {
		t.Fatal(readErr)
	}
	return string(body)
}

func submit(c *aztables.Client, actions ...aztables.TransactionAction) error {
	_, err := c.SubmitTransaction(context.Background(), actions, nil)
	return err
}

func act(t *testing.T, kind aztables.TransactionType, r row) aztables.TransactionAction {
	t.Helper()
	return aztables.TransactionAction{ActionType: kind, Entity: encode(t, r)}
}
