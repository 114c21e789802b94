package desk

import (
	"context"

	"golang.org/x/sync/errgroup"
)

// atOnce is how many rows are read at the same time for one answer.
const atOnce = 16

// each asks about all things, some at the same time: one after the other, what rails hold on a bad night takes longer
// than anybody waits. The answers are in the order of the things.
func each[T, A any](ctx context.Context, things []T, ask func(context.Context, T) (A, error)) ([]A, error) {
	answers := make([]A, len(things))
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for i, thing := range things {
		group.Go(func() (err error) {
			answers[i], err = ask(gctx, thing)
			return err
		})
	}
	err := group.Wait()
	if err != nil {
		return nil, err
	}
	return answers, nil
}
