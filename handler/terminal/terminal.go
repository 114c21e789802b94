// Package terminal is what commands print and ask. Much of what they print was written by strangers, who would like a
// terminal to obey it: nothing leaves here but characters that only show themselves. There are no colours.
package terminal

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/term"

	"cordon/handler/incoming"
	"cordon/handler/outgoing"
)

// Plain writes text so that it can neither move a cursor nor hide itself: control and format characters, among them
// escapes, line ends and changes of direction, and bytes that are no UTF-8, are written as Go writes them in a string,
// and so is a backslash. So is the beginning of what a build server obeys wherever it stands in its log. What would be
// longer than limit characters is cut, with … as the last one.
func Plain(text string, limit int) string {
	var b strings.Builder
	for room := limit; len(text) > 0; {
		r, size := utf8.DecodeRuneInString(text)
		shown := text[:size]
		switch {
		case r == utf8.RuneError && size == 1:
			shown = fmt.Sprintf(`\x%02x`, text[0])
		case r == '\\' || !unicode.IsPrint(r) || incoming.Hidden(r):
			quoted := strconv.QuoteRuneToASCII(r)
			shown = quoted[1 : len(quoted)-1]
		case strings.HasPrefix(text, "##[") || strings.HasPrefix(text, "##vso["):
			shown = `\x23`
		}
		width := utf8.RuneCountInString(shown)
		text = text[size:]
		if width > room || width == room && len(text) > 0 {
			return b.String() + "…"
		}
		b.WriteString(shown)
		room -= width
	}
	return b.String()
}

// put writes a line, without blanks at its end. One that GitHub would obey, as it does what begins with two colons,
// begins with an escape.
func put(w io.Writer, line string) error {
	line = strings.TrimRight(line, " ")
	text := strings.TrimLeft(line, " ")
	if strings.HasPrefix(text, "::") {
		line = line[:len(line)-len(text)] + `\x3a` + text[1:]
	}
	_, err := fmt.Fprintln(w, line)
	return err
}

// JSON writes v on several lines. Characters that Plain would not let through are written as \u escapes, so that a
// terminal is safe from it as well; whoever parses it gets them as they are.
func JSON(w io.Writer, v any) error {
	text, err := outgoing.Indent(v)
	if err != nil {
		return err
	}
	harmless := strings.NewReplacer("##[", `\u0023#[`, "##vso[", `\u0023#vso[`).Replace(string(text))
	var b strings.Builder
	for _, r := range harmless + "\n" {
		switch {
		case r == '\n' || unicode.IsPrint(r) && !incoming.Hidden(r):
			b.WriteRune(r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	_, err = io.WriteString(w, b.String())
	return err
}

// IsTerminal says whether somebody sits at the other end of what is read or written.
func IsTerminal(end any) bool {
	f, isFile := end.(interface{ Fd() uintptr })
	return isFile && term.IsTerminal(int(f.Fd()))
}

// Confirm asks a question that only y or yes agrees to, in any case. The end of in is a no; the end of ctx is an error.
// Then a read of in goes on, which nothing can end but the process.
func Confirm(ctx context.Context, in io.Reader, out io.Writer, question string) (bool, error) {
	fmt.Fprintf(out, "%s [y/N] ", question)
	said := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(in).ReadString('\n') // a line that ends in an error is an answer, or none
		said <- line
	}()
	select {
	case <-ctx.Done():
		fmt.Fprintln(out)
		return false, ctx.Err()
	case line := <-said:
		answer := strings.ToLower(strings.TrimSpace(line))
		return answer == "y" || answer == "yes", nil
	}
}
