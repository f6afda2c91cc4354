package catalog

import (
	"iter"

	"github.com/flight-operator/flight-operator/flightserver/settings"
)

// Access gives the access rules of a dataset; nil where it has none, or is not
// there. An id is that of the dataset that was found by the name before: the
// name may be another's by now.
func (c *Catalog) Access(name, id string) []settings.AccessRule {
	all := c.names.Load()
	e := all.byName.get(name)
	if id != "" {
		e = all.byID.get(id)
	}
	if e == nil {
		return nil
	}
	return e.access
}

// NameOf gives the name that a dataset has now; empty: it is not there.
func (c *Catalog) NameOf(id string) string {
	if e := c.names.Load().byID.get(id); e != nil {
		return e.name
	}
	return ""
}

// AccessRules gives those of each dataset that has any, with its name.
func (c *Catalog) AccessRules() iter.Seq2[string, []settings.AccessRule] {
	return func(yield func(string, []settings.AccessRule) bool) {
		for name, e := range c.names.Load().byName.all {
			if e.access != nil && !yield(name, e.access) {
				return
			}
		}
	}
}
