package flightdataset

import (
	"context"
	"errors"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
	"github.com/flight-operator/flight-operator/controllers/status"
)

// patchStatus writes what the steps saw, when it differs from what is stored.
func (c *Controller) patchStatus(ctx context.Context, s *scope, err error) error {
	if s.released {
		return nil
	}
	s.report(err)
	if equality.Semantic.DeepEqual(s.stored.Status, s.cr.Status) {
		return nil
	}
	perr := c.Client.Status().Patch(ctx, s.cr, client.MergeFrom(s.stored))
	if perr = client.IgnoreNotFound(perr); perr == nil {
		return nil
	}
	return errors.Join(err, perr)
}

func (s *scope) report(err error) {
	if err != nil {
		s.setConditions(status.Retrying(err))
		return
	}
	s.seen.Version, s.seen.Rows = s.cr.Status.Version, s.cr.Status.Rows
	s.setConditions(status.DatasetConditions(&s.seen, s.cr.Status.Conditions)...)
	s.cr.Status.ObservedGeneration = s.cr.Generation
}

func (s *scope) setConditions(conditions ...metav1.Condition) {
	status.Set(&s.cr.Status.Conditions, s.cr.Generation, s.now, conditions...)
}

// wasStalled keeps an event from being repeated while nothing changes.
func (s *scope) wasStalled() bool {
	return meta.IsStatusConditionTrue(s.stored.Status.Conditions, v1alpha1.ConditionStalled)
}
