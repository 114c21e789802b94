package mail

import (
	"fmt"
	"html"
	"strings"
	"unicode/utf8"
)

// composeWithin composes a mail of at most limit bytes. One that would be larger loses its HTML part first and then the
// end of its text, and says so at its beginning, after it lost its attachments; a mail whose header alone is larger
// comes out as small as it can be. MIME is never shorter than what it encodes, so what cannot fit is not encoded to
// find that out.
func composeWithin(m Message, limit int) (envelope, error) {
	if len(m.Attached) > 0 {
		e, err := compose(m)
		if err != nil || len(e.mime) <= limit {
			return e, err
		}
		return withoutFiles(m, limit)
	}
	text := strings.ToValidUTF8(m.Text, "\uFFFD")
	if len(text)+len(m.HTML) <= limit {
		e, err := compose(m)
		if err != nil || len(e.mime) <= limit {
			return e, err
		}
	}
	if text == "" {
		text = plain(m.HTML)
	}
	const why = "with all of it this mail would be larger than the mail service takes"
	if m.HTML != "" && len(text) <= limit {
		m.HTML = ""
		m.Text = "[The formatted version is left out: " + why + ".]\n\n" + text
		e, err := compose(m)
		if err != nil || len(e.mime) <= limit {
			return e, err
		}
	}
	m.HTML = ""
	whole := utf8.RuneCountInString(text)
	for keep := min(len(text)-1, limit); ; {
		kept := upTo(text, keep)
		m.Text = fmt.Sprintf("[Shortened: %d of %d characters are left out at the end, because %s. Cordon's record "+
			"has all of it.]\n\n%s\n[…]",
			whole-utf8.RuneCountInString(kept), whole, why, kept)
		e, err := compose(m)
		if err != nil || len(e.mime) <= limit || keep <= 0 {
			return e, err
		}
		keep = min(keep-1, int(float64(keep)*float64(limit)/float64(len(e.mime))*0.95))
	}
}

// upTo is the beginning of a text, at most n bytes, up to the end of a line if one is near.
func upTo(text string, n int) string {
	n = max(n, 0)
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	text = text[:n]
	end := strings.LastIndexByte(text, '\n')
	if end > max(n-200, 0) {
		text = text[:end]
	}
	return text
}

// plain is an HTML document's text, good enough for a mail that has nothing else.
func plain(document string) string {
	var b strings.Builder
	for rest := strings.ToValidUTF8(document, "\uFFFD"); rest != ""; {
		before, after, _ := strings.Cut(rest, "<")
		b.WriteString(before)
		tag, behind, _ := strings.Cut(after, ">")
		for _, silent := range []string{"style", "script", "head"} {
			if strings.HasPrefix(tag, silent) {
				_, behind, _ = strings.Cut(behind, "</"+silent+">")
			}
		}
		b.WriteByte(' ')
		rest = behind
	}
	return strings.TrimSpace(html.UnescapeString(b.String()))
}

// withoutFiles composes a mail without its attachments, which are too large, and says so.
func withoutFiles(m Message, limit int) (envelope, error) {
	names := make([]string, len(m.Attached))
	for i, f := range m.Attached {
		names[i] = f.Name
	}
	note := "[Left out because the mail service takes no mail as large: " + strings.Join(names, ", ") + ".]"
	if m.Text == "" {
		m.Text = plain(m.HTML)
	}
	m.Attached = nil
	m.HTML = ""
	m.Text = note + "\n\n" + m.Text
	return composeWithin(m, limit)
}
