package funchost

import (
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"
)

// decodedPath is a path as the host routes it: decoded once, but for %2F, and with . and .. resolved, in any encoding.
func decodedPath(escaped string) string {
	path := unescape(escaped, func(b byte) bool { return b != '/' })
	if !utf8.ValidString(path) {
		path = unescape(escaped, func(b byte) bool { return b != '/' && b < utf8.RuneSelf })
	}
	return withoutDots(path)
}

// forwardedPath is a decoded path as the host escapes it anew for the handler. What it does to a path that was encoded
// twice or has a backslash, ? or # in it is not seen but read from .NET's Uri, and where that is in doubt the worst is
// assumed: such a path can become another one behind the route.
func forwardedPath(decoded string) string {
	path := decoded
	if i := strings.IndexAny(path, "?#"); i >= 0 {
		path = path[:i]
	}
	path = unescape(path, unreserved)
	path = withoutDots(strings.ReplaceAll(path, `\`, "/"))
	var b strings.Builder
	for i := range len(path) {
		switch c := path[i]; {
		case unreserved(c), strings.IndexByte("/:@!$&'()*+,;=[]", c) >= 0, c == '%' && isEscape(path[i:]):
			b.WriteByte(c)
		default:
			escape(&b, c)
		}
	}
	return b.String()
}

// withoutDots resolves . and .. as RFC 3986, 5.2.4 says. What steps above the root ends there.
func withoutDots(path string) string {
	if !strings.Contains(path, "/.") {
		return path
	}
	var out []string
	parts := strings.Split(path, "/")
	for i, part := range parts {
		last := i == len(parts)-1
		switch part {
		case ".":
		case "..":
			if len(out) > 1 {
				out = out[:len(out)-1]
			}
		default:
			out = append(out, part)
			continue
		}
		if last {
			out = append(out, "")
		}
	}
	return strings.Join(out, "/")
}

// parameter is a name of a query with its values.
type parameter struct {
	name   string
	values []string
}

// queryParameters reads a query as the host does: names are the same in any letter case, the first one says the place,
// the last one the spelling. Escapes that are none stay as they are.
func queryParameters(raw string) []parameter {
	var all []parameter
	for part := range strings.SplitSeq(raw, "&") {
		if part == "" {
			continue
		}
		name, value, _ := strings.Cut(part, "=")
		name, value = queryText(name), queryText(value)
		i := slices.IndexFunc(all, func(p parameter) bool { return strings.EqualFold(p.name, name) })
		if i < 0 {
			i = len(all)
			all = append(all, parameter{})
		}
		all[i].name, all[i].values = name, append(all[i].values, value)
	}
	return all
}

func queryText(escaped string) string {
	spaced := strings.ReplaceAll(escaped, "+", " ")
	text := unescape(spaced, func(byte) bool { return true })
	if !utf8.ValidString(text) {
		return spaced
	}
	return text
}

// rebuiltQuery is the query as the handler gets it: the values of a name joined with commas, and a space is %20.
func rebuiltQuery(raw string) string {
	all := queryParameters(raw)
	parts := make([]string, len(all))
	for i, p := range all {
		parts[i] = queryEscape(p.name) + "=" + queryEscape(strings.Join(p.values, ","))
	}
	return strings.Join(parts, "&")
}

// queryEscape escapes what .NET's UrlEncoder does.
func queryEscape(text string) string {
	var b strings.Builder
	for i := range len(text) {
		if c := text[i]; unreserved(c) || strings.IndexByte("!$()*,;@", c) >= 0 {
			b.WriteByte(c)
		} else {
			escape(&b, c)
		}
	}
	return b.String()
}

// unreserved are the bytes that mean the same escaped and not.
func unreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~", c) >= 0
}

// isEscape says whether text begins with % and two hexadecimal digits.
func isEscape(text string) bool {
	if len(text) < 3 {
		return false
	}
	_, err := url.PathUnescape(text[:3])
	return text[0] == '%' && err == nil
}

// unescape resolves the escapes of the bytes that are to be resolved and leaves all else as it is.
func unescape(text string, resolve func(byte) bool) string {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if isEscape(text[i:]) {
			if c, _ := url.PathUnescape(text[i : i+3]); resolve(c[0]) {
				b.WriteByte(c[0])
				i += 2
				continue
			}
		}
		b.WriteByte(text[i])
	}
	return b.String()
}

func escape(b *strings.Builder, c byte) {
	const digits = "0123456789ABCDEF"
	b.WriteByte('%')
	b.WriteByte(digits[c>>4])
	b.WriteByte(digits[c&15])
}
