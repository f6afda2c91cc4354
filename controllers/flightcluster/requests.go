package flightcluster

import (
	"context"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
	"github.com/flight-operator/flight-operator/controllers/metadata"
	"github.com/flight-operator/flight-operator/controllers/resource"
	"github.com/flight-operator/flight-operator/controllers/rotation"
)

// requests are the annotations by which somebody asks for something now.
var requests = map[string]rotation.Request{
	metadata.AnnotationRotateToken: rotation.Rotate,
	metadata.AnnotationRevokeToken: rotation.Revoke,
}

// heed moves what annotations ask for into the record, so that it is done once
// wherever the operator dies. The cache may still show annotations that are
// removed already: it only says when to look.
func (c *Controller) heed(ctx context.Context, s *scope) error {
	if s.cr.Spec.Paused {
		s.postpone()
		return nil
	}
	if !hasRequests(s.cr) {
		return nil
	}
	cr := &v1alpha1.FlightCluster{}
	if err := c.Live.Get(ctx, client.ObjectKeyFromObject(s.cr), cr); err != nil {
		return err
	}
	if !hasRequests(cr) || cr.UID != s.cr.UID {
		return nil
	}
	unknown := s.note(cr)
	if err := s.desireTokens(); err != nil {
		return err
	}
	if err := c.applyChild(ctx, s, resource.RecordSecret(&s.desired)); err != nil {
		return err
	}
	stored := cr.DeepCopy()
	for annotation := range requests {
		delete(cr.Annotations, annotation)
	}
	if err := c.Client.Patch(ctx, cr, client.MergeFromWithOptions(stored, client.MergeFromWithOptimisticLock{})); err != nil {
		return err
	}
	for _, name := range unknown {
		c.Recorder.Eventf(s.cr, nil, corev1.EventTypeWarning, "TokenUnknown", "Rotate",
			"an annotation names token %q, which is not in spec.auth.tokens: correct the name and annotate again", name)
	}
	return nil
}

// postpone names the requests that a paused cluster keeps for later.
func (s *scope) postpone() {
	for _, annotation := range slices.Sorted(maps.Keys(requests)) {
		if _, ok := s.cr.Annotations[annotation]; ok {
			s.differing = append(s.differing, "annotation "+annotation)
		}
	}
}

// note writes requests into the record, and gives the names that are nobody's.
func (s *scope) note(cr *v1alpha1.FlightCluster) (unknown []string) {
	known := map[string]bool{}
	for _, spec := range tokenSpecs(s.cr) {
		known[spec.Name] = true
	}
	for annotation, request := range requests {
		for name := range strings.SplitSeq(cr.Annotations[annotation], ",") {
			name = strings.TrimSpace(name)
			if known[name] {
				s.record = s.record.Ask(name, request)
			} else if name != "" {
				unknown = append(unknown, name)
			}
		}
	}
	return unknown
}

func hasRequests(cr *v1alpha1.FlightCluster) bool {
	for annotation := range requests {
		if _, ok := cr.Annotations[annotation]; ok {
			return true
		}
	}
	return false
}
