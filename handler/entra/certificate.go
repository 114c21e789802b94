package entra

import (
	"bytes"
	"crypto"
	"crypto/sha1"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"

	"cordon/handler/incoming"
)

// maxCertificateFile bounds the file; a key with its chain takes some kilobytes.
const maxCertificateFile = 1 << 20

// Certificate is a certificate with its private key. However it is printed, the key does not show.
type Certificate struct {
	Subject    string
	Thumbprint string // SHA-1 in upper case hex, as the portal shows it
	ExpiresAt  time.Time

	// a function, because fmt prints the content of every other kind of unexported field
	credential func() confidential.Credential
}

// ReadCertificate reads a PEM file with a certificate and its unencrypted RSA key, and, if there is one, the chain of
// the certificate, all in any order. The error says what is wrong with the file and how to mend it.
func ReadCertificate(path string, now time.Time) (*Certificate, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, unreadable(path, err)
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, maxCertificateFile+1))
	if err != nil {
		return nil, unreadable(path, err)
	}
	if len(content) > maxCertificateFile {
		return nil,
			fmt.Errorf("%s is larger than %d bytes: expected a PEM file with a certificate and its key", path,
				maxCertificateFile)
	}
	c, err := parseCertificate(incoming.Document(content), now)
	if err != nil {
		return nil, fmt.Errorf("%s %w", path, err)
	}
	return c, nil
}

func unreadable(path string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s does not exist: expected the path of a PEM file with a certificate and its key, as "+
			"the app sees it", path)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%s cannot be read: let the user that the app runs as read it", path)
	}
	var cause *fs.PathError
	if errors.As(err, &cause) {
		err = cause.Err
	}
	return fmt.Errorf("%s cannot be read: %w", path, err)
}

// parseCertificate reads the content of the file. Its errors go on where the file's name ends, and quote nothing of the
// content.
func parseCertificate(content []byte, now time.Time) (*Certificate, error) {
	if err := checkBlocks(content); err != nil {
		return nil, err
	}
	chain, key, err := confidential.CertFromPEM(content, "")
	if err != nil {
		// Not wrapped: what it says of a key that it cannot read is nobody's business.
		return nil,
			errors.New("cannot be read: it is no valid certificate with a key in PKCS #8 or PKCS #1 form; write it " +
				"anew from its source")
	}
	leaf, err := leafOf(chain, key)
	if err != nil {
		return nil, err
	}
	const ask = "make a new certificate, upload it to the app registration and set CORDON_CLIENT_CERTIFICATE to its " +
		"file"
	switch {
	case now.After(leaf.NotAfter):
		return nil,
			fmt.Errorf("holds a certificate that expired at %s: %s", leaf.NotAfter.UTC().Format(time.RFC3339), ask)
	case now.Before(leaf.NotBefore):
		return nil,
			fmt.Errorf("holds a certificate that is valid only from %s: wait until then, or %s",
				leaf.NotBefore.UTC().Format(time.RFC3339), ask)
	}
	credential, err := confidential.NewCredFromCert(chain, key)
	if err != nil {
		return nil, fmt.Errorf("holds a certificate that cannot be used: %w", err)
	}
	return &Certificate{
		Subject:    leaf.Subject.String(),
		Thumbprint: fmt.Sprintf("%X", sha1.Sum(leaf.Raw)),
		ExpiresAt:  leaf.NotAfter.UTC(),
		credential: func() confidential.Credential { return credential },
	}, nil
}

// checkBlocks finds what MSAL would pass over, or say less clearly.
func checkBlocks(content []byte) error {
	var certificates, keys int
	for block, rest := pem.Decode(content); block != nil; block, rest = pem.Decode(rest) {
		switch block.Type {
		case "CERTIFICATE":
			certificates++
		case "ENCRYPTED PRIVATE KEY":
			return errEncrypted
		case "EC PRIVATE KEY", "DSA PRIVATE KEY", "OPENSSH PRIVATE KEY":
			return errNotRSA
		case "PRIVATE KEY", "RSA PRIVATE KEY":
			keys++
			if block.Headers["DEK-Info"] != "" {
				return errEncrypted
			}
		}
	}
	switch {
	case certificates+keys == 0:
		return errors.New("holds nothing in PEM form: convert a .pfx with: openssl pkcs12 -in cert.pfx -out " +
			"cert.pem -nodes")
	case certificates == 0:
		return errors.New("holds no certificate, only a key: add the certificate (BEGIN CERTIFICATE) to the file")
	case keys == 0:
		return errors.New("holds no private key: add the key of the certificate (BEGIN PRIVATE KEY) to the file")
	case keys > 1:
		return errors.New("holds several private keys: leave only the one of the certificate in the file")
	}
	return nil
}

var (
	errEncrypted = errors.New("holds an encrypted private key, and there is no password to open it with: write the " +
		"key without one (openssl pkcs8 -topk8 -nocrypt) " +
		"and let only the app read the file")
	errNotRSA = errors.New("holds a private key that is not RSA, and Microsoft Entra takes only RSA: make a " +
		"certificate with an RSA key of 2048 bits or more")
)

// leafOf finds the certificate that the key belongs to.
func leafOf(chain []*x509.Certificate, key crypto.PrivateKey) (*x509.Certificate, error) {
	owner, ok := key.(interface{ Public() crypto.PublicKey })
	if !ok {
		return nil, errNotRSA
	}
	public, err := x509.MarshalPKIXPublicKey(owner.Public())
	if err != nil {
		return nil, errNotRSA
	}
	for _, c := range chain {
		if !bytes.Equal(c.RawSubjectPublicKeyInfo, public) {
			continue
		}
		if c.PublicKeyAlgorithm != x509.RSA {
			return nil, errNotRSA
		}
		return c, nil
	}
	return nil,
		errors.New("holds a private key that belongs to none of its certificates: put the certificate and its own " +
			"key into the file")
}
