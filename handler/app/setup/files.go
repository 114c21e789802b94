// Package setup makes of the settings what the program works with: the files that they name, one source of tokens for
// each identity, and the clients with what lies between them and the network. It opens no connection. Broker, Hunter,
// Pauses and Postman let a service use a client without knowing it.
package setup

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"cordon/handler/config"
	"cordon/handler/entra"
	"cordon/handler/hunt"
	"cordon/handler/incoming"
	"cordon/handler/playbook"
	"cordon/handler/playbook/read"
	"cordon/handler/playbook/read/source"
)

// Mode is what the handler does as it is configured.
func Mode(settings config.Config, book *playbook.Book) playbook.Mode {
	return playbook.Lower(playbook.Mode(settings.Mode), book.Mode())
}

// Book reads a playbook.
func Book(path string) (*playbook.Book, error) {
	book, _, err := CheckBook(path)
	return book, err
}

// CheckBook reads a playbook, and says what is probably not meant in it.
func CheckBook(path string) (*playbook.Book, []source.Problem, error) {
	text, err := incoming.File(path)
	if err != nil {
		return nil, nil, fmt.Errorf("the playbook cannot be read: %w; name one with CORDON_PLAYBOOK", err)
	}
	return read.Check(path, text)
}

// Hunts reads the catalogue. A folder that nobody named may be missing: there are no hunts then. Nothing that is
// remembered may be removed before it is forgotten.
func Hunts(settings config.Config) (*hunt.Catalogue, error) {
	_, err := os.Stat(settings.Hunts)
	if settings.HuntsNamed && errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("CORDON_HUNTS: the folder %s does not exist: "+
			"name one that does, or leave the setting out if there are no hunts", settings.Hunts)
	}
	c, err := hunt.Load(
		os.DirFS(settings.Hunts),
		filepath.ToSlash(settings.Hunts),
	)
	if err != nil {
		return nil, err
	}
	for _, h := range c.Hunts() {
		if h.Memory > settings.Retention && settings.Retention > 0 {
			return nil, fmt.Errorf("hunt %s has a memory of %s, CORDON_RETENTION is %s: "+
				"shorten the one or raise the other", h.Name, h.Memory, settings.Retention)
		}
	}
	return c, nil
}

// CertificateEnding is how long before its end a certificate is warned of.
const CertificateEnding = 30 * 24 * time.Hour

// Certificate opens the file that the settings name; nil if they name none.
func Certificate(settings config.Config) (*entra.Certificate, error) {
	if settings.ClientCertificate == "" {
		return nil, nil
	}
	return certificate("CORDON_CLIENT_CERTIFICATE", settings.ClientCertificate)
}

// certificate opens the file that a setting names.
func certificate(setting, path string) (*entra.Certificate, error) {
	opened, err := entra.ReadCertificate(path, time.Now())
	if err != nil {
		return nil, config.Problem{Name: setting, Message: err.Error()}
	}
	return opened, nil
}

// Transport is the plain connection to Microsoft, with the app's own certificate authorities.
func Transport(caFile string) (*http.Transport, error) {
	pool, err := authorities(caFile)
	if err != nil {
		return nil, err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 32 // as many as there are invocations at once, and some
	transport.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	return transport, nil
}

// authorities are the system's and those of a file; nil, the system's alone, if no file is named.
func authorities(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	pem, err := incoming.File(file)
	if err != nil {
		return nil, config.Problem{Name: "CORDON_CA_FILE", Message: err.Error()}
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, config.Problem{Name: "CORDON_CA_FILE", Message: file + " holds no PEM certificate"}
	}
	return pool, nil
}
