package desk

import (
	"fmt"
	"strings"
)

// comment is what stands in the comment of a machine action: who did what, and why.
func (c Command) comment(did string) string {
	comment := fmt.Sprintf("%s by %s: %s", did, c.By.Name, c.Reason)
	if c.ID != "" {
		comment += " " + c.sign()
	}
	return comment
}

// sign is how an action shows that it is this command's.
func (c Command) sign() string { return "[command " + c.ID + "]" }

// signed reports whether a comment is that of a command. The sign stands at its end: what looks like one before it was
// written by a person as the reason of another.
func signed(comment, command string) bool {
	return strings.HasSuffix(strings.TrimSpace(comment), Command{ID: command}.sign())
}
