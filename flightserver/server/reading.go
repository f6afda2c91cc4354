package server

import (
	"context"
	"fmt"

	"github.com/flight-operator/flight-operator/flightserver/catalog"
)

// reading is what a ticket asks for, to be read from its beginning as often as
// it is asked: the files stay the same until it is released. One goroutine uses
// it.
type reading struct {
	selection

	ctx    context.Context //nolint:containedctx // of the call that reads
	caller string
	guards *guards
	claims claims
	first  *catalog.Scan // of the first partition, of which nothing is read: it holds the files of all
}

// read begins to read what a ticket asks for.
func (s *flightService) read(ctx context.Context, c claims) (*reading, error) {
	first, err := s.catalog.Scan(ctx, c.DatasetID, c.Version, c.First)
	if err != nil {
		return nil, fmt.Errorf("reading %q: %w", c.Dataset, err)
	}
	r := &reading{ctx: ctx, caller: callerOf(ctx), guards: s.guards, claims: c, first: first}
	if r.selection, err = c.fit(r.first.Schema()); err != nil {
		r.release()
		return nil, err
	}
	return r, nil
}

// within reads in another context, until this reading is released.
func (r *reading) within(ctx context.Context) *reading {
	other := *r
	other.ctx = ctx
	return &other
}

// open opens a partition, which the caller releases.
func (r *reading) open(partition int) (*catalog.Scan, error) {
	scan, err := r.first.Again(r.ctx, partition)
	if err != nil {
		return nil, fmt.Errorf("reading %q: %w", r.claims.Dataset, err)
	}
	return scan, nil
}

// records reads what is selected. The caller releases them.
func (r *reading) records() *selected {
	return r.reader(r.ctx, r.guards.decoding(r.ctx, r.caller), r.claims.span, r.open)
}

// stored gives the partitions one after the other, each while it is used.
func (r *reading) stored(use func(*catalog.Scan) error) error {
	in := r.guards.decoding(r.ctx, r.caller)
	defer in.close()
	for partition := r.claims.First; partition < r.claims.First+r.claims.Count; partition++ {
		scan, err := r.open(partition)
		if err != nil {
			return err
		}
		scan.DecodeIn(in)
		err = use(scan)
		scan.Release()
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *reading) release() { r.first.Release() }
