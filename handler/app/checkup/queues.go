package checkup

import (
	"context"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"cordon/handler/app/setup"
	"cordon/handler/config"
	"cordon/handler/doctor"
	"cordon/handler/queue"
)

func (c *Checkup) queueAreas() []doctor.Area {
	const name = "Service Bus"
	why := c.missing(config.Queues)
	if why != "" {
		return []doctor.Area{doctor.Shut(name, why)}
	}
	bus, tokenArea, err := c.bus()
	if err != nil {
		return []doctor.Area{wrong(name, err)}
	}
	areas := []doctor.Area{tokenArea}
	for _, q := range []string{c.settings.AlertQueue, c.settings.NoticeQueue} {
		areas = append(areas,
			doctor.Queue(queueProbes{bus}, q, c.settings.MessageLock, time.Now))
	}
	return areas
}

// bus makes the client of the queues, and the check of its token if it uses one.
func (c *Checkup) bus() (*queue.Client, doctor.Area, error) {
	const audience = "https://servicebus.azure.net"
	var area doctor.Area
	var credential azcore.TokenCredential // nil: by key
	if c.settings.ServiceBus.Namespace != "" {
		source, err := c.connection(c.settings.ServiceBus.Identity, setup.BusClientID)
		if err != nil {
			return nil, nil, err
		}
		credential = source.Credential()
		area = tokensArea("Service Bus", source, audience)
	}
	bus, err := setup.Bus(c.settings, credential, c.transport)
	if err != nil {
		return nil, nil, err
	}
	// Everything that counts was answered before it is closed.
	c.ends = append(c.ends, func(ctx context.Context) {
		_ = bus.Close(ctx)
	})
	return bus, area, nil
}

// queueProbes lets the doctor look at queues without knowing the broker.
type queueProbes struct{ *queue.Client }

func (q queueProbes) Probe(ctx context.Context, name string, at time.Time) (doctor.Probe, error) {
	seen, err := q.Client.Probe(ctx, name, at)
	return doctor.Probe(seen), err
}
