// Package mail writes a mail once as MIME and sends it by SMTP or through Microsoft Graph.
//
// What an attacker can influence (subject, text, header values; alert titles end up there) is made harmless and never
// keeps a mail from being sent. What the operator configures (addresses, ids) is refused when it is not clean.
// No password, token or mailbox name appears in an error; of an address only the domain does.
package mail

import "time"

// HeaderPrefix is how the name of every extra header begins; no other header can be set from outside.
const HeaderPrefix = "X-Cordon-"

// Message is one mail. Subject, Text, HTML and the header values may hold anything; the rest must be clean.
type Message struct {
	// Message-ID without angle brackets, the same for every try, so that a repeat is recognisable; required
	ID         string
	InReplyTo  string    // Message-ID that this one answers, without angle brackets; empty: none
	References []string  // Message-IDs of the thread, oldest first, without angle brackets; empty: none
	Date       time.Time // the Date header; zero: the time of composing
	From       string    // "name <address>" or an address; ASCII, apart from the name
	To         []string  // the same, at least one; everybody sees everybody
	Subject    string    // cut at 200 characters
	Text       string    // plain part; line ends are normalised
	HTML       string    // HTML part, a complete document; empty: none. Text or HTML must be there
	// extra headers, each name beginning with HeaderPrefix; values are cut at 200 characters
	Headers  map[string]string
	Attached []Attachment // files; they are left out, and the text says so, where the mail would be too large with them
}
