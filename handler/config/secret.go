package config

import (
	"fmt"
	"log/slog"
)

// hidden is what every way of printing a secret shows.
const hidden = "(secret)"

// Secret is a text that no way of printing, logging or encoding shows; Reveal is the only way to it. The zero value
// means that none was given.
//
// The text is behind a pointer because fmt prints unexported fields of other structs without asking their methods.
type Secret struct{ text *string }

// NewSecret hides text; an empty one gives the zero value.
func NewSecret(text string) Secret {
	if text == "" {
		return Secret{}
	}
	return Secret{&text}
}

// Reveal gives the text to the one who sends it where it belongs. It must not go into a log, an error or a URL.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// IsZero reports that no secret was given.
func (s Secret) IsZero() bool { return s.text == nil }

// String implements fmt.Stringer.
func (s Secret) String() string { return hidden }

// GoString implements fmt.GoStringer.
func (s Secret) GoString() string { return hidden }

// Format implements fmt.Formatter, for every verb.
func (s Secret) Format(f fmt.State, _ rune) {
	_, _ = f.Write([]byte(hidden))
}

// LogValue implements slog.LogValuer.
func (s Secret) LogValue() slog.Value { return slog.StringValue(hidden) }

// MarshalText implements encoding.TextMarshaler, which JSON and most other encoders ask.
func (s Secret) MarshalText() ([]byte, error) {
	return []byte(hidden), nil
}

// UnmarshalText implements encoding.TextUnmarshaler, for reading settings.
func (s *Secret) UnmarshalText(text []byte) error {
	*s = NewSecret(string(text))
	return nil
}
