package catalog

import (
	"context"
	"fmt"
	"strings"
)

// Rename gives a dataset another name, at once and whole: readers and uploads
// that are under way go on with the dataset. A declared dataset keeps its name,
// since the declaration would make the old one again.
func (c *Catalog) Rename(ctx context.Context, from, to string) error {
	if err := checkName(to); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.names.Load().byName.get(from)
	switch {
	case e == nil:
		return fmt.Errorf("%w: %s", ErrDatasetNotFound, quote(from))
	case e.declared:
		return fmt.Errorf("%w: %s is the name of a FlightDataset, declare %s and copy the data", ErrDeclared, quote(from), quote(to))
	case from == to:
		return nil
	case c.names.Load().byName.get(to) != nil:
		return fmt.Errorf("%w: %s", ErrDatasetExists, quote(to))
	}
	err := c.appendLocked(ctx, logEntry{Rename: &renameEntry{ID: e.id, Path: strings.Split(to, "/")}})
	return about(from, err)
}
