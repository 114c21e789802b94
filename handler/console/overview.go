package console

import (
	"context"

	"cordon/handler/operate/wire"
)

// overviewPage is what the overview is given. What cannot be said of one part does not hide the others.
type overviewPage struct {
	Isolated part[wire.Isolated]
	Held     part[wire.Held]
	May      bool
}

func overview(ctx context.Context, v visit) (shown, error) {
	p := overviewPage{May: v.may()}
	fill(
		into(&p.Isolated, func() (wire.Isolated, error) { return v.desk.Isolated(ctx) }),
		into(&p.Held, func() (wire.Held, error) { return v.desk.Held(ctx) }),
	)
	return shown{page: p}, nil
}

// waitingPage is what the page of what waits for a person is given.
type waitingPage struct {
	wire.Held
	May bool
}

func waiting(ctx context.Context, v visit) (shown, error) {
	held, err := v.desk.Held(ctx)
	return shown{page: waitingPage{Held: held, May: v.may()}}, err
}
