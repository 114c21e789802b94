package entra_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"cordon/handler/entra"
)

// material is keys and certificates for tests; making them takes a while.
type material struct {
	key, other *rsa.PrivateKey
	ecKey      *ecdsa.PrivateKey
	cert       *x509.Certificate // of key, signed by root, valid from 1990 to 2090
	root       *x509.Certificate // of other
	old, early *x509.Certificate // of key
	ecCert     *x509.Certificate
}

var materials = sync.OnceValues(func() (*material, error) {
	m := &material{}
	var err error
	if m.key, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		return nil, err
	}
	if m.other, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		return nil, err
	}
	if m.ecKey, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return nil, err
	}
	year := func(n int) time.Time { return time.Date(n, 1, 1, 0, 0, 0, 0, time.UTC) }
	for _, c := range []struct {
		to       **x509.Certificate
		name     string
		from, by int
		public   crypto.PublicKey
		signer   crypto.Signer
	}{
		{&m.root, "root", 1990, 2090, m.other.Public(), m.other},
		{&m.cert, "cordon", 1990, 2090, m.key.Public(), m.other},
		{&m.old, "old", 1990, 1999, m.key.Public(), m.other}, {&m.early, "early", 2080, 2090, m.key.Public(), m.other},
		{&m.ecCert, "ec", 1990, 2090, m.ecKey.Public(), m.other},
	} {
		template := &x509.Certificate{
			SerialNumber: big.NewInt(3),
			Subject:      pkix.Name{CommonName: c.name},
			NotBefore:    year(c.from),
			NotAfter:     year(c.by),
		}
		parent := m.root
		if parent == nil {
			template.IsCA, template.BasicConstraintsValid, parent = true, true, template
		}
		der, err := x509.CreateCertificate(rand.Reader, template, parent, c.public, c.signer)
		if err != nil {
			return nil, err
		}
		if *c.to, err = x509.ParseCertificate(der); err != nil {
			return nil, err
		}
	}
	return m, nil
})

func mustMaterial(t *testing.T) *material {
	t.Helper()
	m, err := materials()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func pkcs8(t *testing.T, key any) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func block(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func write(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "app.pem")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// certificate reads the good certificate.
func certificate(t *testing.T) *entra.Certificate {
	t.Helper()
	m := mustMaterial(t)
	c, err := entra.ReadCertificate(write(t, block("CERTIFICATE", m.cert.Raw)+block("PRIVATE KEY", pkcs8(t, m.key))),
		time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestACertificateIsReadWithItsKeyInAnyOrder(t *testing.T) {
	m := mustMaterial(t)
	cert, root := block("CERTIFICATE", m.cert.Raw), block("CERTIFICATE", m.root.Raw)
	key := block("PRIVATE KEY", pkcs8(t, m.key))
	for name, content := range map[string]string{
		"certificate and key":    cert + key,
		"key first":              key + cert,
		"with its chain":         cert + key + root,
		"chain in disorder":      root + cert + key,
		"PKCS #1":                cert + block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(m.key)),
		"with other lines":       "Bag Attributes\n  friendlyName: x\n" + cert + "\n\n" + key,
		"with parameters beside": cert + key + block("DH PARAMETERS", []byte{1}),
	} {
		c, err := entra.ReadCertificate(write(t, content), time.Now())
		if err != nil || c.Subject != "CN=cordon" || c.ExpiresAt.Year() != 2090 || len(c.Thumbprint) != 40 ||
			c.Thumbprint != strings.ToUpper(c.Thumbprint) {
			t.Errorf("%s: %+v, %v", name, c, err)
		}
	}
}

func TestAFileThatIsNoUsableCertificateIsRefusedByItsFaultWithTheWayOut(t *testing.T) {
	m := mustMaterial(t)
	cert := block("CERTIFICATE", m.cert.Raw)
	key := block("PRIVATE KEY", pkcs8(t, m.key))
	otherKey := block("PRIVATE KEY", pkcs8(t, m.other))
	sec1, err := x509.MarshalECPrivateKey(m.ecKey)
	if err != nil {
		t.Fatal(err)
	}
	legacy := string(pem.EncodeToMemory(&pem.Block{
		Type:    "RSA PRIVATE KEY",
		Bytes:   pkcs8(t, m.key),
		Headers: map[string]string{"Proc-Type": "4,ENCRYPTED", "DEK-Info": "AES-256-CBC,00"},
	}))
	for _, tt := range []struct{ name, content, says string }{
		{"empty", "", "nothing in PEM form"},
		{"a .pfx", "\x30\x82\x0a\x01" + strings.Repeat("\x00\xff", 200), "openssl pkcs12"},
		{"without key", cert, "no private key"},
		{"without certificate", key, "no certificate"},
		{"encrypted key", cert + block("ENCRYPTED PRIVATE KEY", pkcs8(t, m.key)), "encrypted private key"},
		{"key encrypted in the old way", cert + legacy, "encrypted private key"},
		{"elliptic curve", block("CERTIFICATE", m.ecCert.Raw) + block("EC PRIVATE KEY", sec1), "not RSA"},
		{
			"elliptic curve in PKCS #8", block("CERTIFICATE", m.ecCert.Raw) + block("PRIVATE KEY", pkcs8(t, m.ecKey)),
			"not RSA",
		},
		{"another's key", cert + block("PRIVATE KEY", pkcs8(t, m.ecKey)), "belongs to none"},
		{"two keys", cert + key + otherKey, "several private keys"},
		{"expired", block("CERTIFICATE", m.old.Raw) + key, "expired at 1999-01-01T00:00:00Z"},
		{"not valid yet", block("CERTIFICATE", m.early.Raw) + key, "valid only from 2080-01-01"},
		{"a broken certificate", block("CERTIFICATE", []byte("nonsense")) + key, "cannot be read"},
		{"a broken key", cert + block("PRIVATE KEY", []byte("nonsense-of-a-key")), "cannot be read"},
		{"too large", cert + key + strings.Repeat("#", 1<<20), "larger than"},
	} {
		path := write(t, tt.content)
		_, err := entra.ReadCertificate(path, time.Now())
		if err == nil || !strings.Contains(err.Error(), tt.says) || !strings.HasPrefix(err.Error(), path+" ") {
			t.Errorf("%s: got %v, want an error with the path and %q", tt.name, err, tt.says)
			continue
		}
		for line := range strings.Lines(tt.content) {
			if line = strings.TrimSpace(line); len(line) > 16 && strings.Contains(err.Error(), line) {
				t.Errorf("%s: the error quotes the file: %v", tt.name, err)
			}
		}
	}
}

func TestAFileThatCannotBeOpenedIsNamed(t *testing.T) {
	folder := t.TempDir()
	locked := write(t, "x")
	if err := os.Chmod(locked, 0); err != nil {
		t.Fatal(err)
	}
	paths := map[string]string{filepath.Join(folder, "none.pem"): "does not exist", folder: "cannot be read"}
	if file, err := os.Open(locked); err == nil { // the superuser reads everything
		file.Close()
	} else {
		paths[locked] = "let the user that the app runs as read it"
	}
	for path, says := range paths {
		if _, err := entra.ReadCertificate(path, time.Now()); err == nil || !strings.Contains(err.Error(), path) ||
			!strings.Contains(err.Error(), says) {
			t.Errorf("%s: got %v, want the path and %q", path, err, says)
		}
	}
}

func TestACertificateNeverShowsItsKey(t *testing.T) {
	m := mustMaterial(t)
	c := certificate(t)
	options := entra.Options{TenantID: tenantID, ClientID: clientID, Certificate: c}
	s, err := entra.New(options)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for _, v := range []any{c, *c, options, s, &struct{ inner *entra.Certificate }{c}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x"} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
		slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "v", v)
		if encoded, err := json.Marshal(v); err == nil {
			out.Write(encoded)
		}
	}
	for _, part := range []*big.Int{m.key.D, m.key.Primes[0], m.key.Primes[1]} {
		for _, form := range []string{part.String(), part.Text(16)} {
			if strings.Contains(strings.ToLower(out.String()), form) {
				t.Error("a part of the key is printed")
			}
		}
	}
	if !strings.Contains(s.Identity(), c.Thumbprint) || !strings.Contains(s.Identity(), clientID) {
		t.Errorf("the identity is %q, want thumbprint and app", s.Identity())
	}
}

func TestAByteOrderMarkInFrontOfACertificateIsNoPartOfIt(t *testing.T) {
	t.Parallel()
	m, err := materials()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := entra.ReadCertificate(write(t,
		"\ufeff"+block("CERTIFICATE", m.cert.Raw)+block("PRIVATE KEY", pkcs8(t, m.key))), time.Now()); err != nil {
		t.Error(err)
	}
}
