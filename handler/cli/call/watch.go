package call

import (
	"context"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// How often a command that waits looks, and how many looks in a row may fail.
const (
	watchEvery  = 10 * time.Second
	failedLooks = 6
)

// Look is what a command that waits sees.
type Look struct {
	Value any                   // as JSON
	Print func(io.Writer) error // for people
	Done  bool                  // there is nothing left to wait for
}

// Watch looks again and again, shows what changed, and ends when there is nothing left to wait for.
func (o *Operator) Watch(cmd *cobra.Command, look func(context.Context) (Look, error)) error {
	ctx, out := cmd.Context(), cmd.OutOrStdout()
	last, failed := "", 0
	for first := true; ; first = false {
		seen, err := look(ctx)
		if failed++; err != nil && (first || failed == failedLooks || ctx.Err() != nil) {
			return err
		}
		if err != nil {
			o.Tell(cmd, err.Error()+"; looking again")
		} else {
			failed = 0
			text := &page{of: out}
			err := seen.Print(text)
			if err == nil && text.String() != last {
				last = text.String()
				err = o.Show(cmd, seen.Value, func(w io.Writer) error {
					return Say(w, "%s%s",
						o.since(first),
						strings.TrimSuffix(last, "\n"))
				})
			}
			if err != nil || seen.Done {
				return err
			}
		}
		if err := wait(ctx, watchEvery); err != nil {
			return err
		}
	}
}

// since heads what changed.
func (o *Operator) since(first bool) string {
	if first {
		return ""
	}
	c := o.Clock()
	return "\n" + c.Stamp(c.Now) + "\n"
}

// page keeps what is written for a terminal, and is as wide as it.
type page struct {
	strings.Builder
	of io.Writer
}

// Fd is the terminal's.
func (p *page) Fd() uintptr {
	f, isFile := p.of.(interface{ Fd() uintptr })
	if !isFile {
		return ^uintptr(0) // none
	}
	return f.Fd()
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
