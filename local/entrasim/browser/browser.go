// Package browser does what a person does with the pages of cordon/local/entrasim: choose who signs in, and type in the
// code that a device shows.
package browser

import (
	"context"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// maxPage bounds a page.
const maxPage = 1 << 20

// Person is somebody in front of a browser.
type Person struct {
	Client *http.Client // nil: http.DefaultClient; it follows redirects or not, as it is set to
	// Username is whom the person chooses; empty: cancel.
	Username string
}

// SignIn goes to an authorize URL, or to a page that sends the browser to one, and chooses, unless the browser is signed
// in already. What the app then answers, to which the browser is sent back, is returned; so is a page of the authority
// that says why not. The caller closes the body.
func (p Person) SignIn(ctx context.Context, authorize string) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, authorize, nil)
	if err != nil {
		return nil, err
	}
	answer, err := p.client().Do(r)
	if err != nil {
		return nil, err
	}
	text := read(answer)
	_ = answer.Body.Close()
	if people.MatchString(text) {
		page := answer.Request.URL.String() // which is another if an app sent the person there
		if answer, err = p.choose(ctx, page, text, url.Values{}); err != nil {
			return nil, err
		}
		text = read(answer)
		_ = answer.Body.Close()
	}
	return p.sendOn(ctx, answer, text)
}

// Approve types the code of a device in and chooses.
func (p Person) Approve(ctx context.Context, verification, userCode string) error {
	text, err := p.page(ctx, verification+"?"+url.Values{"user_code": {userCode}}.Encode())
	if err != nil {
		return err
	}
	answer, err := p.choose(ctx, verification, text, url.Values{"user_code": {userCode}})
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("browser: not let in: %s", read(answer))
	}
	return nil
}

func (p Person) page(ctx context.Context, address string) (string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return "", err
	}
	answer, err := p.client().Do(r)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	text := read(answer)
	if answer.StatusCode != http.StatusOK {
		return "", fmt.Errorf("browser: no page to choose on: %s: %s", answer.Status, text)
	}
	return text, nil
}

// choose presses the button of the page that has the person's name on it.
func (p Person) choose(ctx context.Context, address, text string, values url.Values) (*http.Response, error) {
	offered := slices.ContainsFunc(people.FindAllStringSubmatch(text, -1), func(button []string) bool {
		return html.UnescapeString(button[1]) == p.Username
	})
	if !offered {
		return nil, fmt.Errorf("browser: the page does not offer %q: %s", p.Username, text)
	}
	values.Set("person", p.Username)
	return p.post(ctx, address, values)
}

var (
	people  = regexp.MustCompile(`<button name="person" value="([^"]*)">`)
	actions = regexp.MustCompile(`<form method="post" action="([^"]*)">`)
	inputs  = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`)
)

// sendOn submits a page that submits itself.
func (p Person) sendOn(ctx context.Context, answer *http.Response, text string) (*http.Response, error) {
	action := actions.FindStringSubmatch(text)
	if action == nil || answer.StatusCode != http.StatusOK {
		answer.Body = io.NopCloser(strings.NewReader(text))
		return answer, nil
	}
	values := url.Values{}
	for _, input := range inputs.FindAllStringSubmatch(text, -1) {
		values.Add(html.UnescapeString(input[1]), html.UnescapeString(input[2]))
	}
	return p.post(ctx, html.UnescapeString(action[1]), values)
}

func (p Person) post(ctx context.Context, address string, values url.Values) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(values.Encode()))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return p.client().Do(r)
}

func (p Person) client() *http.Client {
	if p.Client == nil {
		return http.DefaultClient
	}
	return p.Client
}

func read(answer *http.Response) string {
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxPage))
	if err != nil {
		return err.Error()
	}
	return string(body)
}
