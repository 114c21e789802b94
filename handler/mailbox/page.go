package mailbox

import (
	"context"
	"slices"
	"strings"

	"cordon/handler/ledger/notices"
)

// Page reads mails of a state: those that were sent or dropped newest first, the others by when they are due. next is
// the place behind the last of them; empty: nothing follows.
func (b *Mailbox) Page(
	ctx context.Context,
	state State,
	limit int,
	after string,
) (mails []Mail, next string, err error) {
	if state != Sent && state != Dropped {
		return b.unsent(ctx, state, limit, after)
	}
	found, next, err := b.Notices.Listed(ctx, notices.State(state), limit, after)
	for _, n := range found {
		mails = append(mails, b.mail(n))
	}
	return mails, next, err
}

// unsent is Page for what is not sent. The index says how far each mail was when it was written last; of those on the
// page the ledger is asked how far they are now, so that one that was just sent is there, and shown as that.
func (b *Mailbox) unsent(
	ctx context.Context,
	state State,
	limit int,
	after string,
) (mails []Mail, next string, err error) {
	all, err := b.Notices.Unsent(ctx)
	if err != nil {
		return nil, "", err
	}
	all = slices.DeleteFunc(all, func(n notices.Notice) bool {
		return stateOf(n) != state || place(n) <= after
	})
	slices.SortFunc(all, func(x, y notices.Notice) int {
		return strings.Compare(place(x), place(y))
	})
	if len(all) > limit {
		all = all[:limit]
		next = place(all[limit-1])
	}
	for _, listed := range all {
		n, found, err := b.Notices.Notice(ctx, listed.Group, listed.Seq)
		if err != nil {
			return nil, "", err
		}
		if found {
			mails = append(mails, b.mail(n))
		}
	}
	return mails, next, nil
}

// place is where a mail stands among those that are not sent.
func place(n notices.Notice) string {
	return n.DueAt.UTC().Format("20060102T150405.000000000Z") + n.RowKey
}
