package mail

import "strings"

// only reports whether text is not empty and made of ASCII letters, digits and the given signs.
func only(text, signs string) bool {
	for i := range len(text) {
		c := text[i]
		if (c < 'a' || c > 'z') &&
			(c < 'A' || c > 'Z') &&
			(c < '0' || c > '9') &&
			strings.IndexByte(signs, c) < 0 {
			return false
		}
	}
	return text != ""
}

// cut shortens a text to n characters, the last of them an ellipsis.
func cut(text string, n int) string {
	runes := []rune(text)
	if len(runes) > n {
		return string(runes[:n-1]) + "…"
	}
	return text
}
