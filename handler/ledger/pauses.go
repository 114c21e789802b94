package ledger

import (
	"context"
	"errors"
	"time"
)

// endpointPause keeps all instances off an endpoint of the API for a while.
type endpointPause struct {
	keys
	Until time.Time
}

// farPause is further ahead than any pause that the API asks for; what lies beyond it came from a wrong clock.
const farPause = 25 * time.Hour

// EndpointPausedUntil says until when requests to an endpoint are held back, as some instance was told by the API; zero
// if none ever was.
func (s *Store) EndpointPausedUntil(ctx context.Context, endpoint string) (time.Time, error) {
	p, err := s.endpointPause(ctx, endpoint)
	return p.Until, err
}

// PauseEndpoint lets all instances know that requests to an endpoint are to be held back until a time. An earlier time
// than what is known changes nothing, unless that was a mistake: more than a day away from now. There is one row per
// endpoint.
func (s *Store) PauseEndpoint(ctx context.Context, endpoint string, now, until time.Time) error {
	for range conflictTries {
		p, err := s.endpointPause(ctx, endpoint)
		if err != nil || !until.After(p.Until) && p.Until.Before(now.Add(farPause)) {
			return err
		}
		p.Until = until.UTC()
		if err := s.save(ctx, tableSwitches, &p); !errors.Is(err, ErrConflict) {
			return err
		}
	}
	return &Error{Op: "pause endpoint " + endpoint, cause: ErrConflict}
}

func (s *Store) endpointPause(ctx context.Context, endpoint string) (endpointPause, error) {
	p := endpointPause{keys: keys{PartitionKey: s.pk(), RowKey: "paused:" + key(endpoint)}}
	err := s.get(ctx, tableSwitches, p.PartitionKey, p.RowKey, &p)
	if errors.Is(err, errNotFound) {
		err = nil
	}
	return p, err
}
