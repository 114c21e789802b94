package call

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"cordon/handler/config"
	"cordon/handler/operate"
)

// Ask asks for something and shows the answer: as JSON for programs, or as print writes it for people. An error is of
// whoever was asked.
func Ask[T any](
	cmd *cobra.Command,
	o *Operator,
	ask func(ctx context.Context, desk operate.Desk) (T, error),
	print func(w io.Writer, answer T) error,
	needs ...config.Need,
) error {
	desk, done, err := o.Desk(cmd, needs...)
	if err != nil {
		return err
	}
	defer done()
	answer, err := ask(cmd.Context(), desk)
	if err != nil {
		return err
	}
	return o.Show(cmd, answer, func(w io.Writer) error {
		return print(w, answer)
	})
}
