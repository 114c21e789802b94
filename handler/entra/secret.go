package entra

import (
	"fmt"
	"log/slog"
	"net/url"
	"strings"
)

// hidden stands in for every secret that is printed.
const hidden = "[hidden]"

// Secret is a text that no way of printing, logging or encoding shows. The zero value means none.
type Secret string

// Reveal returns the text, for the one place that sends it.
func (s Secret) Reveal() string { return string(s) }

// String returns a placeholder.
func (s Secret) String() string { return hidden }

// Format prints a placeholder for every verb.
func (s Secret) Format(f fmt.State, _ rune) {
	fmt.Fprint(f, hidden)
}

// LogValue returns a placeholder.
func (s Secret) LogValue() slog.Value { return slog.StringValue(hidden) }

// MarshalText returns a placeholder, for JSON and YAML.
func (s Secret) MarshalText() ([]byte, error) {
	return []byte(hidden), nil
}

// maxText bounds a text of somebody else's that goes into an error.
const maxText = 400

// scrub hides the secret in text, as it is and as a form carries it, and bounds the length.
func (s Secret) scrub(text string) string {
	if s != "" {
		text = strings.NewReplacer(s.Reveal(), hidden, url.QueryEscape(s.Reveal()), hidden).Replace(text)
	}
	return text[:min(len(text), maxText)]
}
