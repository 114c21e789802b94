package tables_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/data/aztables"
	"github.com/google/go-cmp/cmp"
)

func transaction(t *testing.T, c *aztables.Client) {
	for _, k := range []string{"merge", "replace", "delete", "conditional"} {
		insert(t, c, entity("p", k, "Old", "x"))
	}
	_, tag := read(t, c, "p", "conditional")
	conditional := act(t, aztables.TransactionTypeUpdateMerge, entity("p", "conditional", "New", "y"))
	conditional.IfMatch = &tag
	err := submit(c, conditional,
		act(t, aztables.TransactionTypeAdd, entity("p", "add", "New", "y")),
		act(t, aztables.TransactionTypeUpdateMerge, entity("p", "merge", "New", "y")),
		act(t, aztables.TransactionTypeInsertReplace, entity("p", "replace", "New", "y")),
		act(t, aztables.TransactionTypeInsertMerge, entity("p", "upsert", "New", "y")),
		act(t, aztables.TransactionTypeDelete, entity("p", "delete")))
	if err != nil {
		t.Fatal(err)
	}
	want := [][]string{{"add", "conditional", "merge", "replace", "upsert"}}
	if diff := cmp.Diff(want, list(t, c, nil)); diff != "" {
		t.Error(diff)
	}
	merged, now := read(t, c, "p", "conditional")
	replaced, _ := read(t, c, "p", "replace")
	if merged["Old"] != "x" || merged["New"] != "y" || replaced["Old"] != nil || now == tag {
		t.Errorf("merged %v, replaced %v, ETag %s after %s", merged, replaced, now, tag)
	}
}

func failedTransaction(t *testing.T, c *aztables.Client) {
	insert(t, c, entity("p", "there", "N", 1))
	insert(t, c, entity("p", "keep", "N", 1))
	_, before := read(t, c, "p", "keep")
	err := submit(c,
		act(t, aztables.TransactionTypeAdd, entity("p", "new")),
		act(t, aztables.TransactionTypeUpdateMerge, entity("p", "keep", "N", 2)),
		act(t, aztables.TransactionTypeAdd, entity("p", "there")))
	part := failedPart(t, err)
	if !strings.Contains(part, "HTTP/1.1 409") || !strings.Contains(part, "EntityAlreadyExists") ||
		!strings.Contains(part, `"2:`) {
		t.Errorf("the failed part is\n%s", part)
	}
	if diff := cmp.Diff([][]string{{"keep", "there"}}, list(t, c, nil)); diff != "" {
		t.Error(diff)
	}
	if got, after := read(t, c, "p", "keep"); got["N"] != 1.0 || before != after {
		t.Errorf("the failed transaction left %v, ETag %s after %s", got, after, before)
	}
	part = failedPart(t, submit(c, act(t, aztables.TransactionTypeDelete, entity("p", "nowhere"))))
	if !strings.Contains(part, "HTTP/1.1 404") || !strings.Contains(part, "ResourceNotFound") {
		t.Errorf("the failed part is\n%s", part)
	}
}

func duplicateRow(t *testing.T, c *aztables.Client) {
	part := failedPart(t, submit(c,
		act(t, aztables.TransactionTypeInsertMerge, entity("p", "r", "A", "a")),
		act(t, aztables.TransactionTypeInsertMerge, entity("p", "r", "B", "b"))))
	if !strings.Contains(part, "HTTP/1.1 400") || !strings.Contains(part, "InvalidDuplicateRow") {
		t.Errorf("the failed part is\n%s", part)
	}
	if pages := list(t, c, nil); len(slices.Concat(pages...)) != 0 {
		t.Errorf("the refused transaction wrote %v", pages)
	}
}

func transactionSize(t *testing.T, c *aztables.Client) {
	var actions []aztables.TransactionAction
	for i := range 101 {
		actions = append(actions, act(t, aztables.TransactionTypeAdd, entity("p", fmt.Sprintf("%03d", i))))
	}
	// The emulator's answer cannot be read by the client; the stand-in's own test has what the service answers.
	if err := submit(c, actions...); err == nil {
		t.Error("101 actions were taken")
	}
	if pages := list(t, c, nil); len(slices.Concat(pages...)) != 0 {
		t.Errorf("the refused transaction wrote %v", pages)
	}
	if err := submit(c, actions[:100]...); err != nil {
		t.Errorf("100 actions: %v", err)
	}
}

func staleTransaction(t *testing.T, c *aztables.Client) {
	stale := insert(t, c, entity("p", "r", "N", 1))
	if _, err := c.UpdateEntity(t.Context(), encode(t, entity("p", "r", "N", 2)), nil); err != nil {
		t.Fatal(err)
	}
	for _, kind := range []aztables.TransactionType{
		aztables.TransactionTypeUpdateMerge, aztables.TransactionTypeUpdateReplace, aztables.TransactionTypeDelete,
	} {
		second := act(t, kind, entity("p", "r", "N", 3))
		second.IfMatch = &stale
		part := failedPart(t, submit(c, act(t, aztables.TransactionTypeAdd, entity("p", "other")), second))
		if !strings.Contains(part, "HTTP/1.1 412") || !strings.Contains(part, "UpdateConditionNotSatisfied") ||
			!strings.Contains(part, `"1:`) {
			t.Errorf("%s: the failed part is\n%s", kind, part)
		}
	}
	if diff := cmp.Diff([][]string{{"r"}}, list(t, c, nil)); diff != "" {
		t.Error(diff)
	}
}
