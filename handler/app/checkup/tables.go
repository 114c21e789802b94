package checkup

import (
	"context"
	"errors"
	"fmt"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"cordon/handler/app/setup"
	"cordon/handler/doctor"
	"cordon/handler/ledger/rows"
)

func (c *Checkup) tablesArea() (doctor.Area, error) {
	const audience = "https://storage.azure.com"
	var area doctor.Area
	var credential azcore.TokenCredential // nil: by key
	if c.settings.Storage.TableURL != nil {
		source, err := c.connection(c.settings.Storage.Identity, setup.TablesClientID)
		if err != nil {
			return nil, err
		}
		credential = source.Credential()
		area = tokensArea("Storage", source, audience)
	}
	store, err := setup.Ledger(c.settings, credential, c.transport, false)
	if err != nil {
		return nil, err
	}
	return append(area, doctor.Tables(ledgerProbe{store.Tables})...), nil
}

// ledgerProbe lets the doctor try the tables, and tells an answer of theirs in one line.
type ledgerProbe struct{ tables *rows.Tables }

func (l ledgerProbe) Probe(ctx context.Context) error {
	err := l.tables.Probe(ctx)
	var answer *azcore.ResponseError
	var tried *rows.Error
	if errors.As(err, &answer) && errors.As(err, &tried) {
		return fmt.Errorf("%s: the table service answered %d %s", tried.Op, answer.StatusCode, answer.ErrorCode)
	}
	return err
}
