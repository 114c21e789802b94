package logging_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"cordon/handler/incoming"
	"cordon/handler/logging"
)

// lines logs to a buffer and returns every line, decoded.
func lines(t *testing.T, log func(ctx context.Context, l *slog.Logger)) ([]map[string]any, string) {
	t.Helper()
	var out bytes.Buffer
	log(t.Context(), logging.New(&out, slog.LevelInfo))
	var decoded []map[string]any
	for line := range strings.Lines(out.String()) {
		var m map[string]any
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatalf("line is not JSON: %v\n%s", err, line)
		}
		decoded = append(decoded, m)
	}
	return decoded, out.String()
}

func TestLinesCarryTheIdsOfTheirContext(t *testing.T) {
	t.Parallel()
	got, _ := lines(t, func(ctx context.Context, l *slog.Logger) {
		ctx = logging.WithRun(logging.WithInvocation(ctx, "inv-1"), "run-1")
		l.InfoContext(ctx, "both")
		l.With("a", 1).InfoContext(ctx, "with attributes")
		l.InfoContext(ctx, "its own run", "run", "run-2")
		l.Info("no context")
		l.InfoContext(logging.WithRun(ctx, ""), "no run")
	})
	want := []struct{ invocation, run any }{
		{"inv-1", "run-1"}, {"inv-1", "run-1"}, {"inv-1", "run-2"}, {nil, nil}, {"inv-1", nil},
	}
	for i, w := range want {
		if got[i]["invocation"] != w.invocation || got[i]["run"] != w.run {
			t.Errorf("line %d is %v, want invocation %v and run %v", i, got[i], w.invocation, w.run)
		}
	}
}

func TestARunIsWrittenOnceOnALineThatNamesItsOwn(t *testing.T) {
	t.Parallel()
	_, text := lines(t, func(ctx context.Context, l *slog.Logger) {
		l.InfoContext(logging.WithRun(ctx, "run-1"), "parked", "run", "run-2")
	})
	if strings.Count(text, `"run"`) != 1 {
		t.Errorf("two members of one name: %s", text)
	}
}

func TestTheLevelIsKept(t *testing.T) {
	t.Parallel()
	got, _ := lines(t, func(_ context.Context, l *slog.Logger) { l.Debug("no"); l.Warn("yes") })
	if len(got) != 1 || got[0]["level"] != "WARN" || got[0]["msg"] != "yes" {
		t.Errorf("got %v", got)
	}
}

func TestNoSecretIsWrittenUnderAnyNameThatTellsIt(t *testing.T) {
	t.Parallel()
	const value = "S3CR3T"
	for _, name := range []string{
		"secret", "clientSecret", "token", "Access_Token", "password", "authorization", "Authorization", "key",
		"x-functions-key",
		"apiKey", "code", "Cookie", "connectionString", "headers", "Metadata", "credential", "keys",
	} {
		_, text := lines(t, func(_ context.Context, l *slog.Logger) {
			l.Info("as text", name, value)
			l.Info("as error", name, errors.New(value))
			l.Info("in a group", slog.Group(name, "harmless", value))
			l.Info("in a map", "harmless", map[string]any{"deep": []any{map[string]string{name: value}}})
			l.Info("in headers", "h", http.Header{name: {value}})
			l.With(name, value).Info("of the logger")
		})
		if strings.Contains(text, value) {
			t.Errorf("%s is shown:\n%s", name, text)
		}
	}
}

func TestNamesThatTellNoSecretAreShown(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"status", "statusCode", "endpoint", "alert", "machine", "error", "keyword", "function", "run",
	} {
		if got, _ := lines(t, func(_ context.Context, l *slog.Logger) {
			l.Info("m", name, "shown")
		}); got[0][name] != "shown" {
			t.Errorf("%s is hidden: %v", name, got[0])
		}
	}
}

func TestLongValuesAreCutBetweenCharacters(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("ä", 4<<10)
	got, _ := lines(t, func(_ context.Context, l *slog.Logger) {
		l.Info(long, "text", "x"+long, "error", errors.New(long), "list", []string{long})
	})
	for name, v := range got[0] {
		text, _ := v.(string)
		if !utf8.ValidString(text) || strings.ContainsRune(text, utf8.RuneError) || len(text) > 4<<10+40 {
			t.Errorf("%s has %d bytes, valid %v", name, len(text), utf8.ValidString(text))
		}
		if name != "time" && name != "level" && !strings.Contains(text, "(cut, ") {
			t.Errorf("%s does not say that it was cut", name)
		}
	}
}

func TestALineThatIsTooLongKeepsWhatTellsItApart(t *testing.T) {
	t.Parallel()
	got, text := lines(t, func(ctx context.Context, l *slog.Logger) {
		args := []any{"error", strings.Repeat(`"`, 4<<10), "function", "PollAlerts"}
		for i := range 20 {
			args = append(args, "a"+string(rune('a'+i)), strings.Repeat("x", 4000))
		}
		l.ErrorContext(logging.WithInvocation(ctx, "inv-1"), "too much", args...)
	})
	if len(text) > 30<<10 || len(got) != 1 {
		t.Fatalf("%d lines, %d bytes", len(got), len(text))
	}
	for name, want := range map[string]any{
		"msg":        "too much",
		"level":      "ERROR",
		"invocation": "inv-1",
		"function":   "PollAlerts",
	} {
		if got[0][name] != want {
			t.Errorf("%s is %v, want %v", name, got[0][name], want)
		}
	}
	if n, _ := got[0]["lineBytes"].(float64); n < 30<<10 {
		t.Errorf("lineBytes is %v", got[0]["lineBytes"])
	}
	if e, _ := got[0]["error"].(string); !strings.HasPrefix(e, `""`) {
		t.Errorf("the error is lost: %q", e)
	}
}

// TestNoLineHidesWhatAStrangerWrote: titles and answers of others reach lines in every form.
func TestNoLineHidesWhatAStrangerWrote(t *testing.T) {
	t.Parallel()
	const hostile = "invoice\u202efdp.exe\u200b\u2066\ufeff\u3164\x1b[31m\u2028caf\xe9"
	const shown = "invoicefdp.exe [31m caf\ufffd"
	got, text := lines(t, func(_ context.Context, l *slog.Logger) {
		l.Info("about "+hostile, "title", hostile, "error", errors.New(hostile), "list", []string{hostile}, "deep",
			map[string]any{"a": []any{map[string]any{"b": hostile}}},
			slog.Group("group", "title", hostile), "text", json.RawMessage(`"\u202e"`))
	})
	if strings.ContainsFunc(text, incoming.Hidden) || !strings.Contains(text, shown) {
		t.Error(text)
	}
	for name, want := range map[string]any{"msg": "about " + shown, "title": shown, "error": shown, "text": ""} {
		if got[0][name] != want {
			t.Errorf("%s is %q, want %q", name, got[0][name], want)
		}
	}
	decoded, err := json.Marshal(got[0])
	if err != nil || strings.ContainsFunc(string(decoded), incoming.Hidden) {
		t.Errorf("%s, %v", decoded, err)
	}
}

func TestStructuresStayStructuresAndOddOnesDoNoHarm(t *testing.T) {
	t.Parallel()
	got, _ := lines(t, func(_ context.Context, l *slog.Logger) {
		l.Info("m", "list", []int{1, 2}, "odd", func() {}, "nothing", nil)
	})
	if list, ok := got[0]["list"].([]any); !ok || len(list) != 2 {
		t.Errorf("list is %v", got[0]["list"])
	}
	if odd, _ := got[0]["odd"].(string); !strings.Contains(odd, "cannot be written") {
		t.Errorf("odd is %v", got[0]["odd"])
	}
}

// FuzzLine: whatever is logged, a line stays one line of valid JSON within the limit.
func FuzzLine(f *testing.F) {
	f.Add("message", "name", "value", 3)
	f.Add("\x00\xff", "time", strings.Repeat("\u2028", 3000), 12)
	f.Fuzz(func(t *testing.T, message, name, value string, times int) {
		var out bytes.Buffer
		args := make([]any, 0, 64)
		for range min(max(times, 0), 32) {
			args = append(args, name, value)
		}
		logging.New(&out, slog.LevelInfo).Info(message, args...)
		if out.Len() > 30<<10 || bytes.Count(out.Bytes(), []byte("\n")) != 1 || !json.Valid(out.Bytes()) {
			t.Errorf("%d bytes: %q", out.Len(), out.String())
		}
	})
}
