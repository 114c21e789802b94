package queue

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
	"github.com/Azure/go-amqp"
)

// Error is a send, a look or a taking that failed. Its text holds no secret.
type Error struct {
	Op    string            // what was tried: "send", "peek", "take dead letters", ...
	Queue string            // empty when it was about the connection
	Code  azservicebus.Code // empty if the library gave none
	cause error
}

func (e *Error) Error() string {
	if e.Queue == "" {
		return fmt.Sprintf("queue: %s: %v", e.Op, e.cause)
	}
	return fmt.Sprintf("queue %s: %s: %v%s", e.Queue, e.Op, e.cause, e.advice())
}

// Unwrap returns the library's error, or that of the context.
func (e *Error) Unwrap() error { return e.cause }

func (e *Error) advice() string {
	switch e.Code {
	case azservicebus.CodeUnauthorizedAccess:
		if e.Op == "send" {
			return "; the identity needs the role Azure Service Bus Data Sender on the namespace, or the connection " +
				"string the right Send"
		}
		return "; the identity needs the role Azure Service Bus Data Receiver on the namespace, or the connection " +
			"string the right Listen"
	case azservicebus.CodeNotFound:
		return "; create the queue, or check the setting with its name"
	default:
		return ""
	}
}

// Transient reports whether a later try may work without anybody changing anything: the broker is busy, full or out of
// reach, or the context ended. It goes by codes and conditions alone; what has none is taken for trouble on the way.
func (e *Error) Transient() bool {
	var token *tokenError
	var answer *amqp.Error
	switch {
	case errors.Is(e.cause, errMessage), errors.As(e.cause, &token):
		return false
	case e.Code != "":
		return e.Code == azservicebus.CodeConnectionLost || e.Code == azservicebus.CodeTimeout
	case errors.As(e.cause, &answer):
		return transientCondition(answer.Condition)
	default:
		return true
	}
}

// transientCondition knows the conditions that the library passes on without a code of its own ("AMQP errors in Azure
// Service Bus" on learn.microsoft.com).
func transientCondition(c amqp.ErrCond) bool {
	switch c {
	case "com.microsoft:server-busy", "com.microsoft:timeout", "com.microsoft:operation-cancelled",
		amqp.ErrCondResourceLimitExceeded, amqp.ErrCondInternalError, amqp.ErrCondTransferLimitExceeded:
		return true
	default:
		return false
	}
}

// TooLargeError is a message that the broker cannot take, alone in a batch or not. It never becomes smaller by waiting.
type TooLargeError struct {
	Queue string
	ID    string
	Bytes int // of the body
}

func (e *TooLargeError) Error() string {
	return fmt.Sprintf("queue %s: message %s with a body of %d bytes is larger than the broker takes (256 KiB with "+
		"everything in it on the Standard tier); send less", e.Queue, e.ID, e.Bytes)
}

// Transient is always false.
func (e *TooLargeError) Transient() bool { return false }

// errMessage marks a message that is wrong in itself.
var errMessage = errors.New("the message cannot be sent")

func failed(op, queue string, err error) *Error {
	e := &Error{Op: op, Queue: queue, cause: err}
	var answer *azservicebus.Error
	if errors.As(err, &answer) {
		e.Code = answer.Code
	}
	return e
}

func errClosed(op, queue string) *Error {
	return &Error{
		Op:    op,
		Queue: queue,
		Code:  azservicebus.CodeClosed,
		cause: errors.New("the client is closed"),
	}
}

// credential marks errors of the token source that no repeat can mend, so that the library does not repeat.
type credential struct{ inner azcore.TokenCredential }

func (c credential) GetToken(ctx context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	token, err := c.inner.GetToken(ctx, o)
	var known interface {
		RetryIn() (time.Duration, bool)
	}
	if errors.As(err, &known) {
		if _, retryable := known.RetryIn(); !retryable {
			return azcore.AccessToken{}, &tokenError{err}
		}
	}
	return token, err
}

type tokenError struct{ cause error }

func (e *tokenError) Error() string { return e.cause.Error() }
func (e *tokenError) Unwrap() error { return e.cause }

// NonRetriable is how the library recognises such an error.
func (e *tokenError) NonRetriable() {}
