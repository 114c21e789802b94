package session

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/cache"
	msal "github.com/AzureAD/microsoft-authentication-library-for-go/apps/errors"
	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/public"

	"cordon/handler/config"
	"cordon/handler/operate/wire"
	"cordon/handler/terminal"
)

// person is somebody who signed in at Entra.
type person struct {
	account string // empty: the Azure CLI knows
	name    string
	token   string
}

// entra makes the client of Microsoft's library for an app. Its tokens are kept in a file; fresh: what is in it counts
// for nothing any more.
func (k *Keeper) entra(f folder, name string, says wire.SignIn, fresh bool) (public.Client, error) {
	authority := authorityOf(says)
	return public.New(says.CLI,
		public.WithAuthority(authority+"/"+says.Tenant),
		public.WithCache(tokens{
			folder: f,
			file:   tokenFile(name),
			fresh:  fresh,
		}),
		public.WithInstanceDiscovery(authority == config.Authority(says.Cloud)),
		public.WithHTTPClient(&http.Client{
			Transport: k.transport,
			Timeout:   time.Minute,
			CheckRedirect: func(*http.Request, []*http.Request) error {
				return http.ErrUseLastResponse
			},
		}))
}

// silently gets a token of somebody who signed in before.
func silently(ctx context.Context, c public.Client, scope, account string) (string, error) {
	known, err := c.Accounts(ctx)
	if err != nil {
		return "", err
	}
	i := slices.IndexFunc(known, func(a public.Account) bool {
		return a.HomeAccountID == account
	})
	if i < 0 {
		return "", errors.New("the sign-in is gone")
	}
	got, err := c.AcquireTokenSilent(ctx,
		[]string{scope},
		public.WithSilentAccount(known[i]))
	return got.AccessToken, err
}

// byBrowser signs in with a browser on this computer.
func (k *Keeper) byBrowser(ctx context.Context, c public.Client, scope string) (person, error) {
	got, err := c.AcquireTokenInteractive(ctx, []string{scope}, public.WithOpenURL(func(url string) error {
		k.tell("Sign in with the browser. If none opens, open this address on this computer:\n" + url)
		k.browse(url)
		return nil
	}))
	return personOf(got), err
}

// byDeviceCode signs in with a browser elsewhere.
func (k *Keeper) byDeviceCode(ctx context.Context, c public.Client, scope string) (person, error) {
	code, err := c.AcquireTokenByDeviceCode(ctx, []string{scope})
	if err != nil {
		return person{}, err
	}
	k.tell(terminal.Plain(code.Result.Message, 500))
	got, err := code.AuthenticationResult(ctx)
	return personOf(got), err
}

func personOf(got public.AuthResult) person {
	return person{
		account: got.Account.HomeAccountID,
		name:    got.Account.PreferredUsername,
		token:   got.AccessToken,
	}
}

// why says of an error of Microsoft's library what Entra said, without the request that it was an answer to.
func why(err error) string {
	var call msal.CallErr
	if !errors.As(err, &call) || call.Resp == nil {
		return terminal.Plain(err.Error(), 400)
	}
	var body struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	// An answer that is not JSON leaves both empty: the status alone tells then.
	_ = json.NewDecoder(io.LimitReader(call.Resp.Body, 64<<10)).Decode(&body)
	said, _, _ := strings.Cut(body.Description, "\n")
	said, _, _ = strings.Cut(said, "Trace ID:")
	if said == "" {
		said = body.Error
	}
	return strings.TrimSpace(fmt.Sprintf("Entra answered %d %s", call.Resp.StatusCode,
		terminal.Plain(strings.TrimSpace(said), 400)))
}

// tokens keep what Microsoft's library wants to find again in a file.
type tokens struct {
	folder folder
	file   string
	fresh  bool
}

func tokenFile(name string) string { return "tokens-" + name + ".json" }

// Replace reads them.
func (t tokens) Replace(_ context.Context, into cache.Unmarshaler, _ cache.ReplaceHints) error {
	if t.fresh {
		return nil
	}
	body, err := t.folder.read(t.file)
	if err != nil || len(body) == 0 {
		return err
	}
	return into.Unmarshal(body)
}

// Export writes them, unless they are renewed ones of somebody who signed out meanwhile.
func (t tokens) Export(_ context.Context, from cache.Marshaler, _ cache.ExportHints) error {
	if !t.fresh {
		before, err := t.folder.read(t.file)
		if err != nil || len(before) == 0 {
			return err
		}
	}
	body, err := from.Marshal()
	if err != nil {
		return err
	}
	return t.folder.write(t.file, body)
}
