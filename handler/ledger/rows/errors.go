package rows

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/data/aztables"
)

// ErrConflict says that somebody else changed a row first. Read it again and decide anew.
var ErrConflict = errors.New("the row was changed by another instance")

// ErrNoRow says that a row does not exist that somebody counted on.
var ErrNoRow = errors.New("no such row")

// Error is a failure of the tables themselves, as opposed to ErrConflict. It is worth a later try: the service was not
// reachable, throttled, or refused the request; the run stays open meanwhile.
type Error struct {
	Op    string // what was tried, with the table
	Cause error
}

func (e *Error) Error() string {
	return fmt.Sprintf("ledger: %s: %v", e.Op, e.Cause)
}
func (e *Error) Unwrap() error { return e.Cause }

// Transient reports that a later try may work. It is always true: the ledger is never given up on.
func (e *Error) Transient() bool { return true }

// IsTableMissing reports whether err says that a table does not exist.
func IsTableMissing(err error) bool {
	return hasCode(err, aztables.TableNotFound)
}

func hasStatus(err error, statuses ...int) bool {
	var answer *azcore.ResponseError
	return errors.As(err, &answer) && slices.Contains(statuses, answer.StatusCode)
}

func hasCode(err error, code aztables.TableErrorCode) bool {
	var answer *azcore.ResponseError
	return errors.As(err, &answer) && answer.ErrorCode == string(code)
}

// isRefusedTransaction reports whether a condition of a transaction failed. The service answers such a batch with 202
// and puts the real code into the multipart body, which the client keeps in its error text only.
func isRefusedTransaction(err error) bool {
	if hasStatus(err, http.StatusConflict, http.StatusPreconditionFailed) {
		return true
	}
	if !hasStatus(err, http.StatusAccepted) {
		return false
	}
	text := err.Error()
	refusals := []aztables.TableErrorCode{
		aztables.EntityAlreadyExists,
		aztables.UpdateConditionNotSatisfied,
		aztables.ResourceNotFound,
	}
	return slices.ContainsFunc(refusals, func(code aztables.TableErrorCode) bool {
		return strings.Contains(text, string(code))
	})
}
