package mailbox

import "context"

// OrderedBy reports whether an order had a mail sent at once, or dropped it, as far as no later order did.
func (b *Mailbox) OrderedBy(ctx context.Context, id, command string) (bool, error) {
	group, seq, ok := Named(id)
	if !ok {
		return false, nil
	}
	n, _, err := b.Notices.Notice(ctx, group, seq)
	return n.Command == command, err
}
