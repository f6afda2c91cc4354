package catalog

import (
	"context"
	"errors"
	"fmt"

	"github.com/flight-operator/flight-operator/flightserver/store"
)

// Version gives one version of a dataset, or fails with ErrVersionNotFound.
func (c *Catalog) Version(name string, version uint64) (Dataset, error) {
	e, err := c.find(name)
	if err != nil {
		return Dataset{}, err
	}
	v, err := e.data().Version(version)
	if err != nil {
		return Dataset{}, e.about(err, version)
	}
	return e.at(v), nil
}

// Versions gives the versions of a dataset that can be read, oldest first.
func (c *Catalog) Versions(name string) ([]Dataset, error) {
	e, err := c.find(name)
	if err != nil {
		return nil, err
	}
	versions := e.data().Versions()
	all := make([]Dataset, len(versions))
	for i, v := range versions {
		all[i] = e.at(v)
	}
	return all, nil
}

// Restore makes a new version with the content of an old one. To restore the
// newest changes nothing.
func (c *Catalog) Restore(ctx context.Context, name string, version uint64) (Dataset, error) {
	e, err := c.find(name)
	if err != nil {
		return Dataset{}, err
	}
	old, err := e.data().Version(version)
	if err != nil {
		return Dataset{}, e.about(err, version)
	}
	if e.schema != nil {
		if err := store.CheckAssignable(e.schema, old.Schema); err != nil {
			return Dataset{}, about(name, fmt.Errorf("version %d: %w", version, err))
		}
	}
	v, err := e.data().Restore(ctx, version)
	if err != nil {
		return Dataset{}, e.about(err, version)
	}
	return e.at(v), nil
}

// about names the dataset, and the version where there is no such one.
func (e *entry) about(err error, version uint64) error {
	if errors.Is(err, ErrVersionNotFound) {
		return fmt.Errorf("%w: dataset %s has no version %d, or no longer", ErrVersionNotFound, quote(e.name), version)
	}
	return about(e.name, err)
}
