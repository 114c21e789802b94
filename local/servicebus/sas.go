package servicebus

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// The shared access policy of a new server. Whoever can reach a stand-in may read it: it is printed at its start.
const (
	policyName = "local"
	firstKey   = "bm90LWEtc2VjcmV0"
)

// signature is a token of the type SAS, "Service Bus access control with Shared Access Signatures" on
// learn.microsoft.com.
type signature struct {
	signed  string // what the key signed: the resource as it is in the token, and the expiry
	mac     []byte
	host    string // of the resource
	path    string // of the resource, in lower case and without slashes around it; empty for a whole namespace
	expires time.Time
	policy  string
}

// parseSignature reads a foreign token.
func parseSignature(token string) (signature, error) {
	list, ok := strings.CutPrefix(token, "SharedAccessSignature ")
	if !ok {
		return signature{}, errors.New("MalformedToken: the token does not begin with SharedAccessSignature")
	}
	fields := map[string]string{}
	for pair := range strings.SplitSeq(list, "&") {
		name, value, _ := strings.Cut(pair, "=")
		fields[name] = value
	}
	values := map[string]string{}
	for _, name := range []string{"sr", "sig", "se", "skn"} {
		value, err := url.QueryUnescape(fields[name])
		if err != nil || value == "" {
			return signature{}, fmt.Errorf("MalformedToken: the token has no %s that can be read", name)
		}
		values[name] = value
	}
	seconds, err := strconv.ParseInt(values["se"], 10, 64)
	if err != nil {
		return signature{}, errors.New("MalformedToken: se is no number of seconds")
	}
	resource := values["sr"]
	if !strings.Contains(resource, "://") {
		resource = "sb://" + resource
	}
	u, err := url.Parse(resource)
	if err != nil {
		return signature{}, errors.New("MalformedToken: sr is no address")
	}
	mac, err := base64.StdEncoding.DecodeString(values["sig"])
	if err != nil {
		mac = nil // no key signs that
	}
	return signature{signed: fields["sr"] + "\n" + fields["se"], mac: mac, host: u.Hostname(),
		path: strings.ToLower(entityPath(u.Path)), expires: time.Unix(seconds, 0), policy: values["skn"]}, nil
}

// covers says whether the signature is good for an entity, whose path is in lower case.
func (g signature) covers(path string) bool {
	return g.path == "" || g.path == path || strings.HasPrefix(path, g.path+"/")
}

// signedBy says whether key made the signature.
func (g signature) signedBy(key string) bool {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(g.signed))
	return hmac.Equal(mac.Sum(nil), g.mac)
}

// checkSignature says why a token is not good for an entity. The key of this server is for its own address. A client
// that takes it for another namespace, as through a CustomEndpointAddress, signs with a key that nobody told the
// server: there the signature is not compared. Expiry goes by the real time, as the clients' signing does.
func (s *Server) checkSignature(token, path string) error {
	g, err := parseSignature(token)
	switch {
	case err != nil:
		return err
	case !time.Now().Before(g.expires):
		return fmt.Errorf("ExpiredToken: the token expired at %s, get a new one", g.expires.UTC().Format(time.RFC3339))
	case !g.covers(path):
		return fmt.Errorf("InvalidAudience: the token is for another entity than %q", path)
	case !s.isAt(g.host):
		return nil
	case g.policy != policyName:
		return fmt.Errorf("InvalidSignature: the key name %.50q is not known, %q is", g.policy, policyName)
	case !g.signedBy(s.sharedKey()):
		return errors.New("InvalidSignature: the token has an invalid signature, use the key of the connection " +
			"string that is " +
			"printed at the start")
	default:
		return nil
	}
}

// isAt says whether host is this server's own.
func (s *Server) isAt(host string) bool {
	s.mu.Lock()
	own, _, _ := net.SplitHostPort(s.address)
	s.mu.Unlock()
	return strings.EqualFold(host, "localhost") || net.ParseIP(host).IsLoopback() || host == own
}

func (s *Server) sharedKey() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.key
}

// ChangeKey gives the shared access policy another key, as regenerating it in the portal does, and returns the old one:
// ConnectionString has the new one, and tokens that the old one signed are refused from now on. What was granted before
// stays, as with RefuseTokens.
func (s *Server) ChangeKey(key string) (old string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old, s.key = s.key, key
	return old
}
