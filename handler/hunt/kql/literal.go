// Package kql writes and reads what little of the query language hunts need: literals, and where a text or a comment
// ends.
package kql

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
)

// Datetime writes a moment.
func Datetime(at time.Time) string {
	return "datetime(" + at.UTC().Format("2006-01-02T15:04:05.0000000Z") + ")"
}

// MaxText bounds one text, in bytes.
const MaxText = 1000

// Text writes a text in double quotes. Everything but plain characters is written as an escape.
func Text(text string) (string, error) {
	if len(text) > MaxText || strings.ToValidUTF8(text, "") != text {
		return "", fmt.Errorf("it has %d bytes or is not UTF-8: at most %d bytes of text are taken", len(text), MaxText)
	}
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case !unicode.IsPrint(r) && r <= 0xffff:
			fmt.Fprintf(&b, `\u%04x`, r)
		case !unicode.IsPrint(r):
			return "", fmt.Errorf("it holds the character %U, which nobody can see", r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String(), nil
}

// List writes texts, which the value separates by commas.
func List(value string) (string, error) {
	var list []string
	for one := range strings.SplitSeq(value, ",") {
		one = strings.TrimSpace(one)
		if one == "" {
			return "", errors.New("one of the texts between the commas is empty")
		}
		text, err := Text(one)
		if err != nil {
			return "", err
		}
		list = append(list, text)
	}
	return "dynamic([" + strings.Join(list, ", ") + "])", nil
}
