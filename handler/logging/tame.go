package logging

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"

	"cordon/handler/incoming"
)

// Application Insights cuts long messages, and what they end with would be lost.
const (
	maxValue = 4 << 10  // bytes of one value
	maxLine  = 30 << 10 // bytes of one line
	maxShort = 512      // bytes of one value of a line that was too long
)

const hidden = "[hidden]"

// secret says whether what stands under a name must not be shown. It would rather hide a harmless row key than show one
// function key.
func secret(name string) bool {
	name = strings.ToLower(name)
	for _, part := range []string{
		"secret", "token", "password", "passwd", "pwd", "authorization", "credential", "cookie", "connectionstring",
	} {
		if strings.Contains(name, part) {
			return true
		}
	}
	// A whole set of headers or metadata may hold keys under any name, and ?code= is how a function key is sent.
	return strings.HasSuffix(name, "key") || strings.HasSuffix(name, "keys") ||
		slices.Contains([]string{"code", "sig", "headers", "metadata"}, name)
}

// tame hides and shortens one attribute of a line.
func tame(groups []string, a slog.Attr) slog.Attr {
	if secret(a.Key) || slices.ContainsFunc(groups, secret) {
		return slog.String(a.Key, hidden)
	}
	switch a.Value.Kind() {
	case slog.KindString:
		a.Value = slog.StringValue(cut(incoming.Visible(a.Value.String()), maxValue))
	case slog.KindAny:
		a.Value = tameAny(a.Value)
	}
	return a
}

// tameAny writes errors as their text, and looks for secrets inside of structures.
func tameAny(v slog.Value) slog.Value {
	err, ok := v.Any().(error)
	if ok {
		return slog.StringValue(cut(incoming.Visible(err.Error()), maxValue))
	}
	text, err := json.Marshal(v.Any())
	if err != nil {
		return slog.StringValue(cut(fmt.Sprintf("!ERROR: %T cannot be written: %v", v.Any(), err), maxValue))
	}
	var content any
	if json.Unmarshal(text, &content) != nil {
		return v
	}
	text, err = json.Marshal(scrub(content))
	if err != nil || len(text) > maxValue {
		return slog.StringValue(cut(string(text), maxValue))
	}
	return slog.AnyValue(json.RawMessage(text))
}

// scrub hides what stands under secret names, at any depth, and shows what is hidden in texts.
func scrub(v any) any {
	switch v := v.(type) {
	case string:
		return incoming.Visible(v)
	case map[string]any:
		for name, value := range v {
			v[name] = scrub(value)
			if secret(name) {
				v[name] = hidden
			}
		}
	case []any:
		for i := range v {
			v[i] = scrub(v[i])
		}
	}
	return v
}

// cut shortens a text to limit bytes, not inside of a character, and says how long it was.
func cut(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	return strings.ToValidUTF8(text[:limit], "") + fmt.Sprintf("… (cut, %d bytes)", len(text))
}

// bounded keeps lines short. slog hands it whole lines, one at a time.
type bounded struct{ w io.Writer }

// Write passes a line on, or what matters most of one that is too long.
func (b *bounded) Write(line []byte) (int, error) {
	if len(line) <= maxLine {
		return b.w.Write(line)
	}
	short, err := shorten(line)
	if err != nil {
		return 0, err
	}
	_, err = b.w.Write(short)
	if err != nil {
		return 0, err
	}
	return len(line), nil
}

func shorten(line []byte) ([]byte, error) {
	var all map[string]any
	if err := json.Unmarshal(line, &all); err != nil {
		return nil, fmt.Errorf("log line of %d bytes: %w", len(line), err)
	}
	kept := map[string]any{"lineBytes": len(line)}
	for _, name := range []string{
		slog.TimeKey, slog.LevelKey, slog.MessageKey, "invocation", "run", "function", "error",
	} {
		text, ok := all[name].(string)
		if ok {
			kept[name] = cut(text, maxShort)
		}
	}
	short, err := json.Marshal(kept)
	return append(short, '\n'), err
}
