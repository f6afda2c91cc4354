package server

import (
	"context"

	"github.com/flight-operator/flight-operator/flightserver/auth"
	"github.com/flight-operator/flight-operator/flightserver/catalog"
)

// permissions put each question of what a caller may do to auth.Decide, the one
// place that answers it. What is only shown or left out is not audited.
type permissions struct {
	catalog *catalog.Catalog
	audit   *auditing
}

// check gives nil where the caller may do this with the dataset of a name. A
// ticket's dataset has an id: whichever dataset has the name by now, the rules
// are those of the one that is read.
func (p *permissions) check(ctx context.Context, verb auth.Verb, name, id string) error {
	object := auth.Object{Dataset: name, Access: p.catalog.Access(name, id)}
	return p.decide(ctx, verb, object)
}

func (p *permissions) decide(ctx context.Context, verb auth.Verb, object auth.Object) error {
	if c, ok := ctx.Value(callKey{}).(*call); ok && object.Dataset != "" {
		c.dataset.Store(&object.Dataset)
	}
	err := auth.Decide(auth.FromContext(ctx), verb, object)
	p.audit.decided(ctx, verb, object.Dataset, err)
	return err
}

// call gives nil where the caller may make calls that are about no dataset.
func (p *permissions) call(ctx context.Context, verb auth.Verb) error {
	return p.decide(ctx, verb, auth.Object{})
}

// somewhere tells whether the caller may do this with any dataset that there is
// or may come to be.
func (p *permissions) somewhere(ctx context.Context, verb auth.Verb) bool {
	caller := auth.FromContext(ctx)
	if auth.Decide(caller, verb, auth.Object{}) == nil {
		return true
	}
	for name, rules := range p.catalog.AccessRules() {
		if auth.Decide(caller, verb, auth.Object{Dataset: name, Access: rules}) == nil {
			return true
		}
	}
	return false
}

// visible keeps the datasets that the caller may list.
func (p *permissions) visible(ctx context.Context, all []catalog.Dataset) []catalog.Dataset {
	caller := auth.FromContext(ctx)
	kept := all[:0]
	for _, d := range all {
		if auth.Decide(caller, auth.List, auth.Object{Dataset: d.Name(), Access: d.Access}) == nil {
			kept = append(kept, d)
		}
	}
	return kept
}
