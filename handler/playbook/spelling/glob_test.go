package spelling

import (
	"strings"
	"testing"
)

func TestAGlobOfManyStarsEndsQuickly(t *testing.T) {
	if Glob(strings.Repeat("*a", 50)+"b", strings.Repeat("a", 5000)) {
		t.Error("matched")
	}
}
