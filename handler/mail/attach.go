package mail

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	gomail "github.com/wneessen/go-mail"
)

// Attachment is a file that goes with a mail.
type Attachment struct {
	Name string // letters, digits, dots, dashes and underscores, at most 100; required
	Type string // media type, such as text/csv; required
	Body []byte
}

func attach(msg *gomail.Msg, files []Attachment) error {
	for i, f := range files {
		major, minor, _ := strings.Cut(f.Type, "/")
		if !only(f.Name, "-_.") ||
			len(f.Name) > 100 ||
			strings.Trim(f.Name, ".") == "" ||
			!only(major, "-") ||
			!only(minor, "-.+") {
			return fmt.Errorf("attachment %d: %q of type %q: the name is made of letters, digits and - _ . and the "+
				"type is like text/csv", i+1, cut(f.Name, 80), cut(f.Type, 80))
		}
		err := msg.AttachReader(f.Name, bytes.NewReader(f.Body),
			gomail.WithFileContentType(gomail.ContentType(f.Type)),
			gomail.WithFileEncoding(gomail.EncodingB64))
		if err != nil {
			return errors.Join(fmt.Errorf("attachment %s", f.Name), err)
		}
	}
	return nil
}
