package switches

import (
	"context"
	"time"

	"cordon/handler/ledger/rows"
)

// endpointPause keeps all instances off an endpoint of the API for a while.
type endpointPause struct {
	rows.Keys
	Until time.Time
}

// farPause is further ahead than any pause that the API asks for; what lies beyond it came from a wrong clock.
const farPause = 25 * time.Hour

// EndpointPausedUntil says until when requests to an endpoint are held back, as some instance was told by the API; zero
// if none ever was.
func (s *Store) EndpointPausedUntil(ctx context.Context, endpoint string) (time.Time, error) {
	p := s.endpoint(endpoint)
	_, err := s.switches.Read(ctx, &p)
	return p.Until, err
}

// PauseEndpoint lets all instances know that requests to an endpoint are to be held back until a time. An earlier time
// than what is known changes nothing, unless that was a mistake: more than a day away from now. There is one row per
// endpoint.
func (s *Store) PauseEndpoint(ctx context.Context, endpoint string, now, until time.Time) error {
	op := "pause endpoint " + endpoint
	_, err := rows.Change(ctx, s.switches, op, s.endpoint(endpoint), func(p *endpointPause) (bool, error) {
		if !until.After(p.Until) && p.Until.Before(now.Add(farPause)) {
			return false, nil
		}
		p.Until = until.UTC()
		return true, nil
	})
	return err
}

func (s *Store) endpoint(endpoint string) endpointPause {
	return endpointPause{Keys: s.switches.At("paused:" + rows.Key(endpoint))}
}
