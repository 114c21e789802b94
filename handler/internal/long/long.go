// Package long names the tests that the inner loop leaves out.
package long

import "testing"

// Test skips a test with -short. It is for tests that take seconds: they kill a process at every call that it makes,
// play weeks, or start the built program.
func Test(t testing.TB) {
	t.Helper()
	if testing.Short() {
		t.Skip("it takes seconds: left out with -short")
	}
}
