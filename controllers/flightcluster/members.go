package flightcluster

import (
	"cmp"
	"context"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/flight-operator/flight-operator/controllers/metadata"
	"github.com/flight-operator/flight-operator/controllers/resource"
	"github.com/flight-operator/flight-operator/controllers/rotation"
	"github.com/flight-operator/flight-operator/controllers/serveradmin"
	"github.com/flight-operator/flight-operator/controllers/status"
	"github.com/flight-operator/flight-operator/flightserver/settings"
)

// observeMembers looks at the pods.
func (c *Controller) observeMembers(ctx context.Context, s *scope) (reconcile.Result, error) {
	set := &appsv1.StatefulSet{}
	found, err := c.getChild(ctx, s.cr, s.cr.Name, set)
	if err != nil {
		return s.refused(err)
	}
	if found && set.Status.ObservedGeneration == set.Generation {
		s.revision = set.Status.UpdateRevision
	}
	pods := &corev1.PodList{}
	if err := c.Client.List(ctx, pods, client.InNamespace(s.cr.Namespace), client.MatchingLabels(metadata.Selector(s.cr))); err != nil {
		return reconcile.Result{}, err
	}
	for i := range pods.Items {
		if pod := &pods.Items[i]; metav1.IsControlledBy(pod, set) {
			s.members = append(s.members, status.MemberOf(pod, s.revision))
		}
	}
	slices.SortFunc(s.members, func(a, b status.Member) int { return cmp.Compare(a.Name, b.Name) })
	s.observed = true
	return reconcile.Result{}, nil
}

// askedAtOnce bounds the servers that are asked at the same time.
const askedAtOnce = 8

// askMembers asks each running server what it has loaded. One that does not
// answer is news for the status, not a failure, and does not hold up the others.
func (c *Controller) askMembers(ctx context.Context, s *scope) (reconcile.Result, error) {
	if !s.issued {
		return reconcile.Result{}, nil // paused before certificates were
	}
	certificate, err := s.pairs.Operator.TLS()
	if err != nil {
		return reconcile.Result{}, err
	}
	var asking errgroup.Group
	asking.SetLimit(askedAtOnce)
	for i := range s.members {
		m := &s.members[i]
		if !m.Running || m.Stopping {
			continue
		}
		target := serveradmin.Target{
			Host:        metadata.PodHost(s.cr, m.Name),
			Roots:       s.pairs.Rollover.Trust(),
			Certificate: certificate,
		}
		asking.Go(func() error {
			c.ask(ctx, target, m)
			return nil
		})
	}
	return reconcile.Result{}, asking.Wait()
}

func (c *Controller) ask(ctx context.Context, target serveradmin.Target, m *status.Member) {
	answer, err := c.health(ctx, target)
	if err == nil {
		m.Answer = &answer
		return
	}
	if m.Ready {
		m.Problem = "does not answer the operator: " + err.Error()
	}
	log.FromContext(ctx).V(1).Info("member does not answer", "pod", m.Name, "error", err.Error())
}

func (c *Controller) health(ctx context.Context, target serveradmin.Target) (settings.MemberStatus, error) {
	server, err := c.Dialer.Dial(target)
	if err != nil {
		return settings.MemberStatus{}, err
	}
	defer func() { _ = server.Close() }() // the answer is there, or its error
	return server.Health(ctx)
}

// acknowledged tells whether every running member has loaded a file that was
// published at a time.
func (s *scope) acknowledged(revision string, of func(*settings.MemberStatus) string) func(time.Time) bool {
	var members []rotation.Member
	for _, m := range s.members {
		if m.Stopping {
			continue
		}
		member := rotation.Member{Ready: m.Ready, Answered: m.Answer != nil}
		if m.Answer != nil {
			member.Revision = of(m.Answer)
		}
		members = append(members, member)
	}
	return func(published time.Time) bool {
		return rotation.Acknowledged(members, revision, published, s.now)
	}
}

// replaceMember deletes one pod of an earlier template, a broken one first, and
// only while all the others are there and ready.
func (c *Controller) replaceMember(ctx context.Context, s *scope) (reconcile.Result, error) {
	next := s.replaceable()
	if next == nil || s.cr.Spec.Paused {
		return reconcile.Result{}, nil
	}
	pod := &corev1.Pod{}
	if err := c.Client.Get(ctx, client.ObjectKey{Namespace: s.cr.Namespace, Name: next.Name}, pod); err != nil {
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	if !status.MemberOf(pod, s.revision).Outdated {
		return reconcile.Result{}, nil // replaced meanwhile
	}
	if err := c.Client.Delete(ctx, pod, client.Preconditions{UID: &pod.UID}); err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
		return reconcile.Result{}, err
	}
	next.Stopping = true
	c.Recorder.Eventf(s.cr, pod, corev1.EventTypeNormal, "MemberReplaced", "Delete", "pod %s had an earlier image, settings or resources", pod.Name)
	return reconcile.Result{}, nil
}

// replaceable is the member to replace next, or nil.
func (s *scope) replaceable() *status.Member {
	var outdated, broken *status.Member
	whole := len(s.members) >= int(resource.Replicas(s.cr))
	for i := range s.members {
		m := &s.members[i]
		if m.Stopping {
			return nil
		}
		if m.Outdated && m.Ready {
			outdated = cmp.Or(outdated, m)
		}
		if m.Outdated && !m.Ready {
			broken = cmp.Or(broken, m)
		}
		whole = whole && m.Ready
	}
	if broken != nil || whole {
		return cmp.Or(broken, outdated)
	}
	return nil
}
