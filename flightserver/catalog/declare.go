package catalog

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/flight-operator/flight-operator/flightserver/settings"
	"github.com/flight-operator/flight-operator/flightserver/store"
)

// Declaration is what a FlightDataset asks for.
type Declaration struct {
	Path   []string
	Format string        // empty: by the name
	Schema *arrow.Schema // nil: taken from the first upload
	// Access may be another in a later declaration; nil is none.
	Access []settings.AccessRule
	// Policy may be another in a later declaration. Retention that is zero is
	// that of the catalog.
	Policy Policy
}

// Declare creates a dataset without data, or adopts the one that is there if
// its format and schema agree. From then on a declared schema binds uploads,
// and the dataset keeps its name. Repeating it writes nothing.
func (c *Catalog) Declare(ctx context.Context, d Declaration) (Dataset, error) {
	name := joinPath(d.Path)
	if err := checkName(name); err != nil {
		return Dataset{}, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	e, err := c.find(name)
	switch {
	case errors.Is(err, ErrDatasetNotFound):
		return c.declareNewLocked(ctx, name, d)
	case err != nil:
		return Dataset{}, err
	case d.Format != "" && d.Format != e.format:
		return Dataset{}, fmt.Errorf("%w: dataset %s is %s, not %s", ErrFormatMismatch, quote(name), e.format, d.Format)
	}
	if err := d.check(e.format); err != nil {
		return Dataset{}, about(name, err)
	}
	return c.bindLocked(ctx, e, d)
}

func (c *Catalog) declareNewLocked(ctx context.Context, name string, d Declaration) (Dataset, error) {
	format := d.Format
	if format == "" {
		format = formatOf(name)
	}
	create := &createEntry{Path: d.Path, Format: format, Declared: true, Access: d.Access, policyJSON: encodePolicy(d.Policy)}
	err := d.check(format)
	if err == nil && d.Schema != nil {
		create.Schema, err = encodeSchema(d.Schema)
	}
	if err != nil {
		return Dataset{}, about(name, err)
	}
	b := c.mu.births[name]
	if b == nil || b.format != format {
		b = c.newBirth(format)
		defer c.endBirthLocked(name, b)
		c.mu.births[name] = b // else what is being uploaded finds its way
	}
	create.ID = b.data.ID()
	if err := c.createLocked(ctx, b, create); err != nil {
		return Dataset{}, about(name, err)
	}
	return c.Dataset(name)
}

// check refuses what datasets of the format cannot have.
func (d *Declaration) check(format string) error {
	switch {
	case format != settings.FormatArrow && format != settings.FormatParquet:
		return fmt.Errorf("%w: format %s is neither %s nor %s", ErrFormatMismatch, quote(format), settings.FormatArrow, settings.FormatParquet)
	case format == settings.FormatParquet && d.Policy.Compression != CompressionNone:
		return fmt.Errorf("%w: compression %s is for %s; %s files are always compressed, declare none",
			ErrFormatMismatch, d.Policy.Compression, settings.FormatArrow, format)
	case d.Schema == nil:
		return nil
	}
	return store.CheckSupported(store.Format(format), d.Schema)
}

// bindLocked writes what is new in a declaration of a dataset that is there.
func (c *Catalog) bindLocked(ctx context.Context, e *entry, d Declaration) (Dataset, error) {
	schema, err := boundSchema(e, d.Schema)
	if err != nil {
		return Dataset{}, about(e.name, err)
	}
	if e.declared && e.policy == d.Policy && reflect.DeepEqual(e.access, d.Access) && schema == nil {
		return e.newest(), nil
	}
	declare := &declareEntry{ID: e.id, Access: d.Access, policyJSON: encodePolicy(d.Policy)}
	if schema != nil {
		declare.Schema, err = encodeSchema(schema)
	}
	if err == nil {
		err = c.appendLocked(ctx, logEntry{Declare: declare})
	}
	if err != nil {
		return Dataset{}, about(e.name, err)
	}
	return c.Dataset(e.name)
}

// boundSchema is the schema that a declaration newly binds; nil: none. Where
// there is data, its own is bound: it agrees, and has the metadata that
// declarations lack.
func boundSchema(e *entry, declared *arrow.Schema) (*arrow.Schema, error) {
	if declared == nil {
		return nil, nil
	}
	current := e.newest().Schema
	if current != nil {
		err := errors.Join(store.CheckAssignable(declared, current), store.CheckAssignable(current, declared))
		if err != nil {
			return nil, err
		}
		declared = current
	}
	if e.schema != nil {
		return nil, nil
	}
	return declared, nil
}

func encodeSchema(schema *arrow.Schema) ([]byte, error) {
	encoded, err := store.EncodeSchema(schema)
	if len(encoded) > maxSchemaBytes {
		return nil, fmt.Errorf("%w: a schema of %d bytes, at most %d", ErrTooLarge, len(encoded), maxSchemaBytes)
	}
	return encoded, err
}
