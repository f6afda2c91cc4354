package flightdataset

import (
	"context"
	"errors"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
	"github.com/flight-operator/flight-operator/controllers/serveradmin"
	"github.com/flight-operator/flight-operator/controllers/status"
	"github.com/flight-operator/flight-operator/flightserver/settings"
)

// declare asks the server for the dataset. To repeat it changes nothing and
// answers with rows and bytes, so it is how the dataset is polled too, and one
// that somebody dropped comes back.
func (c *Controller) declare(ctx context.Context, s *scope) (reconcile.Result, error) {
	answer, err := s.server.DeclareDataset(ctx, declaration(s.cr))
	switch {
	case errors.Is(err, serveradmin.ErrRefused):
		s.seen.Refusal = err.Error()
		s.seen.Stall = &status.Stall{Reason: v1alpha1.ReasonRefused, Message: err.Error()}
		if !s.wasStalled() {
			c.Recorder.Eventf(s.cr, s.cluster, corev1.EventTypeWarning, v1alpha1.ReasonRefused, "Declare", "%v", err)
		}
		return reconcile.Result{RequeueAfter: refusedInterval}, nil
	case errors.Is(err, serveradmin.ErrUnreachable):
		s.unreachable(v1alpha1.ReasonClusterUnreachable, err.Error())
		return reconcile.Result{RequeueAfter: pollInterval}, nil
	case err != nil:
		return reconcile.Result{}, err
	}
	s.seen.Declared = true
	s.seen.Access = access(s.cr, s.cluster)
	c.announce(s, answer)
	st := &s.cr.Status
	st.DatasetID, st.Version, st.Rows, st.Bytes = answer.ID, int64(answer.Version), answer.Rows, answer.Bytes
	return reconcile.Result{}, nil
}

func (c *Controller) announce(s *scope, answer settings.DatasetStatus) {
	name := datasetName(s.cr)
	switch {
	case s.cr.Status.DatasetID == answer.ID:
	case s.cr.Status.DatasetID != "":
		c.Recorder.Eventf(s.cr, s.cluster, corev1.EventTypeWarning, "DatasetReplaced", "Declare",
			"dataset %q was dropped by somebody and is declared anew", name)
	case answer.Version > 0:
		c.Recorder.Eventf(s.cr, s.cluster, corev1.EventTypeNormal, "DatasetAdopted", "Declare", "dataset %q was there already, with %d rows", name, answer.Rows)
	default:
		c.Recorder.Eventf(s.cr, s.cluster, corev1.EventTypeNormal, "DatasetDeclared", "Declare", "dataset %q is ready for uploads", name)
	}
}

func declaration(cr *v1alpha1.FlightDataset) settings.DatasetDeclaration {
	d := settings.DatasetDeclaration{
		Path: path(cr), Format: string(cr.Spec.Format), Compression: string(cr.Spec.Compression),
		Access: accessRules(cr.Spec.Access),
	}
	if cr.Spec.Schema == nil {
		return d
	}
	d.Schema = &settings.DatasetSchema{}
	for _, f := range cr.Spec.Schema.Fields {
		d.Schema.Fields = append(d.Schema.Fields, settings.DatasetField{
			Name: f.Name, Type: f.Type, Nullable: ptr.Deref(f.Nullable, true),
		})
	}
	return d
}
