package machine

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"
)

type apiError struct {
	trouble Trouble
	after   time.Duration
}

func (e apiError) Error() string             { return "api" }
func (e apiError) Trouble() Trouble          { return e.trouble }
func (e apiError) RetryAfter() time.Duration { return e.after }

func TestTroubleOfIsFoundInAnyWrapping(t *testing.T) {
	t.Parallel()
	lost := apiError{UnknownFate, 0}
	for name, tt := range map[string]struct {
		err   error
		want  Trouble
		after time.Duration
	}{
		"no error":  {nil, NoTrouble, 0},
		"the API's": {lost, UnknownFate, 0},
		"wrapped": {
			fmt.Errorf("isolate: %w", apiError{Transient, 37 * time.Second}), Transient, 37 * time.Second,
		},
		"joined":                   {errors.Join(errors.New("mail"), lost), UnknownFate, 0},
		"wrapped twice":            {fmt.Errorf("a: %w", fmt.Errorf("b: %w", apiError{Denied, 0})), Denied, 0},
		"none of the API's":        {errors.New("ledger"), Transient, 0},
		"time is up":               {context.DeadlineExceeded, Transient, 0},
		"the API's with no answer": {apiError{AlreadyActive, time.Second}, AlreadyActive, time.Second},
	} {
		if got, after := TroubleOf(tt.err); got != tt.want || after != tt.after {
			t.Errorf("%s: %s after %v, want %s after %v", name, got, after, tt.want, tt.after)
		}
	}
}

func TestEveryTroubleHasANameOfItsOwn(t *testing.T) {
	t.Parallel()
	named := map[string]Trouble{}
	for trouble := NoTrouble; trouble <= Unsupported; trouble++ {
		if other, taken := named[trouble.String()]; taken {
			t.Errorf("%d and %d are both called %s", other, trouble, trouble)
		}
		named[trouble.String()] = trouble
	}
	for _, trouble := range []Trouble{-1, Unsupported + 1} {
		if got := trouble.String(); got != "trouble of no known kind" {
			t.Errorf("Trouble(%d) is called %q", int(trouble), got)
		}
	}
}
