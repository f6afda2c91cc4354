package flightcluster

import (
	"context"
	"errors"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
	"github.com/flight-operator/flight-operator/controllers/metadata"
	"github.com/flight-operator/flight-operator/controllers/status"
)

// patchStatus writes what the steps saw, when it differs from what is stored.
func (c *Controller) patchStatus(ctx context.Context, s *scope, err error) error {
	s.report(err)
	if equality.Semantic.DeepEqual(s.stored.Status, s.cr.Status) {
		return nil
	}
	perr := c.Client.Status().Patch(ctx, s.cr, client.MergeFrom(s.stored))
	if perr = client.IgnoreNotFound(perr); perr != nil {
		return errors.Join(err, perr)
	}
	c.announceConditions(s)
	return nil
}

// announceConditions tells, once it is stored, what a person wants to know.
func (c *Controller) announceConditions(s *scope) {
	before, after := s.stored.Status.Conditions, s.cr.Status.Conditions
	if ready := turned(before, after, v1alpha1.ConditionReady); ready != nil {
		c.Recorder.Eventf(s.cr, nil, corev1.EventTypeNormal, ready.Reason, "Reconcile", "%s", ready.Message)
	}
	if stalled := turned(before, after, v1alpha1.ConditionStalled); stalled != nil {
		c.Recorder.Eventf(s.cr, nil, corev1.EventTypeWarning, stalled.Reason, "Reconcile", "%s", stalled.Message)
	}
}

// turned is the condition of a kind when it became True, or is for another
// reason than before.
func turned(before, after []metav1.Condition, kind string) *metav1.Condition {
	was, is := meta.FindStatusCondition(before, kind), meta.FindStatusCondition(after, kind)
	if is == nil || is.Status != metav1.ConditionTrue || (was != nil && was.Status == is.Status && was.Reason == is.Reason) {
		return nil
	}
	return is
}

// report fills the status. What a reconcile that ended early did not see stays
// as it was, and so does its observedGeneration.
func (s *scope) report(err error) {
	switch {
	case err != nil && !errors.Is(err, reconcile.TerminalError(nil)):
		s.setConditions(status.Retrying(err))
		return
	case s.observed:
		s.reportMembers()
		s.setConditions(status.Conditions(s.observation())...)
	case s.stall != nil:
		ready := status.Ready(s.observation(), nil)
		s.setConditions(ready, status.Reconciling(ready, s.stall), status.Stalled(s.stall))
	default:
		s.setConditions(status.Waiting(s.waiting))
		return
	}
	s.cr.Status.ObservedGeneration = s.cr.Generation
}

func (s *scope) reportMembers() {
	st := &s.cr.Status
	st.Selector = labels.SelectorFromSet(metadata.Selector(s.cr)).String()
	st.Members = status.Members(st.Members, s.members)
	st.Replicas = int32(len(s.members))
	st.ReadyReplicas = 0
	for _, m := range s.members {
		if m.Ready && !m.Stopping {
			st.ReadyReplicas++
		}
		if m.Answer != nil {
			st.Version = m.Answer.Version
		}
	}
	if s.issued {
		st.PKI = &v1alpha1.PKIStatus{
			Phase:        s.facts.Phase,
			ActiveCA:     s.facts.ActiveCA,
			PendingCA:    s.facts.PendingCA,
			NotAfter:     new(metav1.NewTime(s.facts.LeafExpires).Rfc3339Copy()),
			NextRotation: new(metav1.NewTime(s.facts.NextRenewal).Rfc3339Copy()),
		}
	}
}

func (s *scope) setConditions(conditions ...metav1.Condition) {
	status.Set(&s.cr.Status.Conditions, s.cr.Generation, s.now, conditions...)
}

// ready tells whether the status that will be written says so.
func (s *scope) ready() bool {
	ready := status.Conditions(s.observation())
	return meta.IsStatusConditionTrue(ready, v1alpha1.ConditionReady)
}
