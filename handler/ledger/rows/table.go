package rows

import (
	"context"
	"fmt"
	"net/http"

	"github.com/Azure/azure-sdk-for-go/sdk/data/aztables"
)

// Read fills r from the row with its keys. One that does not exist is no failure: r stays as it is.
func (t *Table) Read(ctx context.Context, r Row) (found bool, err error) {
	b := r.base()
	answer, err := t.client.GetEntity(ctx, b.PartitionKey, b.RowKey, nil)
	switch {
	case hasStatus(err, http.StatusNotFound):
		return false, nil
	case err != nil:
		return false, &Error{Op: "read " + t.name, Cause: err}
	}
	if err := t.Decode(answer.Value, r); err != nil {
		return false, err
	}
	if answer.ETag != "" {
		b.ETag = answer.ETag
	}
	return true, nil
}

// Save inserts r if it has no ETag, else replaces exactly the row that was read. ErrConflict: somebody was first.
// On success r carries the new ETag.
func (t *Table) Save(ctx context.Context, r Row) error {
	body, err := encode(r)
	if err != nil {
		return &Error{Op: "encode a row of " + t.name, Cause: err}
	}
	b := r.base()
	if !b.Stored() {
		answer, err := t.client.AddEntity(ctx, body, nil)
		if err == nil {
			b.ETag = answer.ETag
			return nil
		}
		return t.settle(ctx, "insert into "+t.name, b, err)
	}
	answer, err := t.client.UpdateEntity(ctx, body, &aztables.UpdateEntityOptions{
		IfMatch:    &b.ETag,
		UpdateMode: aztables.UpdateModeReplace,
	})
	if err == nil {
		b.ETag = answer.ETag
		return nil
	}
	return t.settle(ctx, "replace in "+t.name, b, err)
}

// settle decides what a refused conditional write was: our own earlier try whose answer was lost, or a conflict.
func (t *Table) settle(ctx context.Context, op string, wrote *Keys, err error) error {
	if !hasStatus(err, http.StatusConflict, http.StatusPreconditionFailed, http.StatusNotFound) {
		return &Error{Op: op, Cause: err}
	}
	found, ours := t.wrote(ctx, wrote)
	if ours {
		wrote.ETag = found.ETag
		return nil
	}
	return fmt.Errorf("%s %s: %w", op, wrote.RowKey, ErrConflict)
}

// wrote reads whether a row is as we wrote it last.
func (t *Table) wrote(ctx context.Context, k *Keys) (found Keys, ours bool) {
	found = Keys{PartitionKey: k.PartitionKey, RowKey: k.RowKey}
	exists, err := t.Read(ctx, &found)
	return found, err == nil && exists && found.Nonce == k.Nonce
}

// Insert writes a row as the service hands it over, unless there is one with its keys.
func (t *Table) Insert(ctx context.Context, row []byte) (inserted bool, err error) {
	_, err = t.client.AddEntity(ctx, row, nil)
	if hasCode(err, aztables.EntityAlreadyExists) {
		return false, nil
	}
	if err != nil {
		return false, &Error{Op: "insert into " + t.name, Cause: err}
	}
	return true, nil
}

// Put writes r whatever was there before.
func (t *Table) Put(ctx context.Context, r Row) error {
	body, err := encode(r)
	if err == nil {
		how := &aztables.UpsertEntityOptions{UpdateMode: aztables.UpdateModeReplace}
		_, err = t.client.UpsertEntity(ctx, body, how)
	}
	if err != nil {
		return &Error{Op: "write " + t.name, Cause: err}
	}
	return nil
}

// Transact writes rows of one partition at once: insert without ETag, else replace of exactly what was read. The first
// row's nonce decides whether a refused transaction was our own earlier try.
func (t *Table) Transact(ctx context.Context, all ...Row) error {
	actions := make([]aztables.TransactionAction, 0, len(all))
	for _, r := range all {
		body, err := encode(r)
		if err != nil {
			return &Error{Op: "encode a row of " + t.name, Cause: err}
		}
		action := aztables.TransactionAction{ActionType: aztables.TransactionTypeAdd, Entity: body}
		if etag := r.base().ETag; etag != "" {
			action.ActionType = aztables.TransactionTypeUpdateReplace
			action.IfMatch = &etag
		}
		if r.base().Overwrite {
			action.ActionType = aztables.TransactionTypeInsertReplace
			action.IfMatch = nil
		}
		actions = append(actions, action)
	}
	_, err := t.client.SubmitTransaction(ctx, actions, nil)
	if err == nil {
		return nil
	}
	if !isRefusedTransaction(err) {
		return &Error{Op: "transaction on " + t.name, Cause: err}
	}
	first := all[0].base()
	_, ours := t.wrote(ctx, first)
	if !ours {
		return fmt.Errorf("transaction on %s %s: %w", t.name, first.PartitionKey, ErrConflict)
	}
	return nil
}

// Remove deletes a row; one that is not there is fine.
func (t *Table) Remove(ctx context.Context, k Keys) error {
	_, err := t.client.DeleteEntity(ctx, k.PartitionKey, k.RowKey, nil)
	if err != nil && !hasStatus(err, http.StatusNotFound) {
		return &Error{Op: "delete from " + t.name, Cause: err}
	}
	return nil
}

// RemoveUnchanged deletes a row as it was read, unless somebody changed or deleted it meanwhile.
func (t *Table) RemoveUnchanged(ctx context.Context, k Keys) (removed bool, err error) {
	_, err = t.client.DeleteEntity(ctx, k.PartitionKey, k.RowKey,
		&aztables.DeleteEntityOptions{IfMatch: &k.ETag})
	switch {
	case err == nil:
		return true, nil
	case hasStatus(err, http.StatusNotFound, http.StatusPreconditionFailed):
		return false, nil
	}
	return false, &Error{Op: "delete from " + t.name, Cause: err}
}
