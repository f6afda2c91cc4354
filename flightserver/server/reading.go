package server

import (
	"context"
	"fmt"

	"github.com/flight-operator/flight-operator/flightserver/catalog"
)

// reading is what a ticket asks for, about to be read. One goroutine uses it,
// and releases it.
type reading struct {
	selection

	ctx     context.Context //nolint:containedctx // of the call that reads
	catalog *catalog.Catalog
	claims  claims
	first   *catalog.Scan // of the first partition; nil once it is being read
}

// read begins to read what a ticket asks for.
func (s *flightService) read(ctx context.Context, c claims) (*reading, error) {
	r := &reading{ctx: ctx, catalog: s.catalog, claims: c}
	var err error
	if r.first, err = r.open(c.First); err != nil {
		return nil, err
	}
	if r.selection, err = c.fit(r.first.Schema()); err != nil {
		r.release()
		return nil, err
	}
	return r, nil
}

// open opens a partition, which the caller releases.
func (r *reading) open(partition int) (*catalog.Scan, error) {
	if scan := r.first; scan != nil && partition == r.claims.First {
		r.first = nil
		return scan, nil
	}
	scan, err := r.catalog.Scan(r.ctx, r.claims.DatasetID, r.claims.Version, partition)
	if err != nil {
		return nil, fmt.Errorf("reading %q: %w", r.claims.Dataset, err)
	}
	return scan, nil
}

// records reads what is selected. The caller releases them.
func (r *reading) records() *selected {
	return r.reader(r.ctx, r.claims.span, r.open)
}

// stored gives the partitions one after the other, each while it is used.
func (r *reading) stored(use func(*catalog.Scan) error) error {
	for partition := r.claims.First; partition < r.claims.First+r.claims.Count; partition++ {
		scan, err := r.open(partition)
		if err != nil {
			return err
		}
		err = use(scan)
		scan.Release()
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *reading) release() {
	if r.first != nil {
		r.first.Release()
		r.first = nil
	}
}
