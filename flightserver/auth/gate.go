package auth

import "context"

// gate lets few callers at a time do what is costly, and few more wait for it.
type gate struct {
	inside chan struct{} // holds one for each that is let in
	all    chan struct{} // holds one for each that is let in or waits
}

func newGate(inside, all int) gate {
	return gate{inside: make(chan struct{}, inside), all: make(chan struct{}, all)}
}

// enter waits to be let in, until ctx is done. Where too many wait it gives
// ErrBusy.
func (g gate) enter(ctx context.Context) (leave func(), err error) {
	select {
	case g.all <- struct{}{}:
	default:
		return nil, ErrBusy
	}
	select {
	case g.inside <- struct{}{}:
		return func() { <-g.inside; <-g.all }, nil
	case <-ctx.Done():
		<-g.all
		return nil, ctx.Err()
	}
}
