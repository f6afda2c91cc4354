package catalog

import (
	"context"

	"github.com/flight-operator/flight-operator/flightserver/store"
)

// Pin reads the newest version of a dataset into the memory that the system
// keeps of files, now and whenever a version is new. It ends with Unpin, with
// the dataset and with the process.
func (c *Catalog) Pin(ctx context.Context, name string) error {
	return c.withData(name, func(data *store.Dataset) error { return data.Pin(ctx) })
}

// Unpin ends what Pin began.
func (c *Catalog) Unpin(_ context.Context, name string) error {
	return c.withData(name, func(data *store.Dataset) error { data.Unpin(); return nil })
}

func (c *Catalog) withData(name string, do func(*store.Dataset) error) error {
	e, err := c.find(name)
	if err != nil {
		return err
	}
	return about(name, do(e.data()))
}
