package trigger

import "runtime/debug"

// guard calls f and returns its error, or its panic as a *fault: the process and the other invocations in it go on.
func guard(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &fault{value: p, stack: string(debug.Stack())}
		}
	}()
	return f()
}
