package rows

import (
	"context"
	"iter"

	"github.com/Azure/azure-sdk-for-go/sdk/data/aztables"
)

// Prefix selects the rows of a partition whose row key begins with prefix, for Each and List.
func Prefix(partition, prefix string) string {
	filter := "PartitionKey eq '" + partition + "'"
	if prefix != "" {
		// '~' sorts behind every byte that Key lets through.
		filter += " and RowKey ge '" + prefix + "' and RowKey lt '" + prefix + "~'"
	}
	return filter
}

// Whole selects every row of the tenant, and those of tenants whose name begins with its own, for Each and First.
func (t *Table) Whole() string {
	own := Key(t.tenant)
	return "PartitionKey ge '" + own + "' and PartitionKey lt '" + own + "~'"
}

// List reads the rows that match an OData filter.
func List[T any](ctx context.Context, t *Table, filter string) ([]T, error) {
	var all []T
	for r, err := range Each[T](ctx, t, filter, "") {
		if err != nil {
			return all, err
		}
		all = append(all, r)
	}
	return all, nil
}

// Each reads the rows that match an OData filter, page by page, so that many are never held in memory. Only the columns
// that are named are read, all of them if none is. An error is the last that comes.
func Each[T any](ctx context.Context, t *Table, filter, columns string) iter.Seq2[T, error] {
	options := &aztables.ListEntitiesOptions{Filter: &filter}
	if columns != "" {
		options.Select = &columns
	}
	return func(yield func(T, error) bool) {
		var none T
		for pager := t.client.NewListEntitiesPager(options); pager.More(); {
			page, err := pager.NextPage(ctx)
			if err != nil {
				yield(none, &Error{Op: "list " + t.name, Cause: err})
				return
			}
			for _, body := range page.Entities {
				var r T
				if err := t.Decode(body, &r); err != nil {
					yield(none, err)
					return
				}
				if !yield(r, nil) {
					return
				}
			}
		}
	}
}

// First reads the first rows that match an OData filter, n at most.
func First[T any](ctx context.Context, t *Table, filter string, n int32) ([]T, error) {
	most := min(n, pageRows)
	var all []T
	pager := t.client.NewListEntitiesPager(&aztables.ListEntitiesOptions{Filter: &filter, Top: &most})
	for pager.More() && len(all) < int(n) {
		page, err := pager.NextPage(ctx)
		if err != nil {
			return all, &Error{Op: "list " + t.name, Cause: err}
		}
		for _, body := range page.Entities {
			var r T
			if err := t.Decode(body, &r); err != nil {
				return all, err
			}
			all = append(all, r)
		}
	}
	return all[:min(int(n), len(all))], nil
}

// pageRows is how many rows the service hands over at once, at most ("Query timeout and pagination", Table service REST
// API).
const pageRows = 1000

// Cursor is where a listing by pages goes on; nil members mean at the beginning.
type Cursor struct{ PartitionKey, RowKey *string }

// AtEnd reports whether nothing follows.
func (c Cursor) AtEnd() bool { return c.PartitionKey == nil }

// Page reads the keys of one page of the rows that match an OData filter, and where the next page begins.
func (t *Table) Page(
	ctx context.Context,
	filter string,
	at Cursor,
) (found []Keys, next Cursor, err error) {
	columns := "PartitionKey,RowKey"
	page, err := t.client.NewListEntitiesPager(&aztables.ListEntitiesOptions{
		Filter:           &filter,
		Select:           &columns,
		NextPartitionKey: at.PartitionKey,
		NextRowKey:       at.RowKey,
	}).NextPage(ctx)
	if err != nil {
		return nil, at, &Error{Op: "list " + t.name, Cause: err}
	}
	for _, body := range page.Entities {
		var k Keys
		if err := t.Decode(body, &k); err != nil {
			return nil, at, err
		}
		found = append(found, k)
	}
	return found, Cursor{page.NextPartitionKey, page.NextRowKey}, nil
}
