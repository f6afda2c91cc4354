package flightcluster

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"sync"

	"github.com/cert-manager/cert-manager/pkg/apis/certmanager"
	cmv1 "github.com/cert-manager/cert-manager/pkg/apis/certmanager/v1"
	cmapplyconfigurations "github.com/cert-manager/cert-manager/pkg/client/applyconfigurations"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/managedfields"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/client-go/applyconfigurations"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
	"sigs.k8s.io/structured-merge-diff/v6/typed"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
	"github.com/flight-operator/flight-operator/controllers/metadata"
	"github.com/flight-operator/flight-operator/controllers/resource"
)

// applyObjects writes the children that differ from the plan. One whose name is
// taken does not keep the others from being right.
func (c *Controller) applyObjects(ctx context.Context, s *scope) (reconcile.Result, error) {
	for _, object := range resource.Objects(&s.desired) {
		err := c.applyChild(ctx, s, object)
		if res, err := s.refused(err); err != nil || res.RequeueAfter > 0 {
			return res, err
		}
	}
	if !s.cr.Spec.Paused {
		c.announceCertificates(s)
		c.announceTokens(s)
	}
	return reconcile.Result{}, nil
}

func (c *Controller) applyChild(ctx context.Context, s *scope, object runtime.ApplyConfiguration) error {
	desired, err := toUnstructured(object)
	if err != nil {
		return err
	}
	live, err := newObject(c.Client.Scheme(), desired)
	if err != nil {
		return err
	}
	found, err := c.getChild(ctx, s.cr, desired.GetName(), live)
	if err != nil {
		return err
	}
	if found {
		if same, err := isApplied(live, desired, converterOf(desired)); err != nil || same {
			return err
		}
	}
	if s.cr.Spec.Paused {
		s.differing = append(s.differing, desired.GetKind()+" "+desired.GetName())
		return nil
	}
	if uid, ok := s.kept[desired.GetName()]; ok && desired.GetKind() == "Secret" {
		desired.SetUID(uid) // one that is gone by now, or another of its name, is a conflict
	}
	err = c.Client.Apply(ctx, client.ApplyConfigurationFromUnstructured(desired), client.FieldOwner(metadata.FieldOwner), client.ForceOwnership)
	if gvk := desired.GroupVersionKind(); apierrors.IsNotFound(err) && gvk.Group == certmanager.GroupName {
		return &meta.NoKindMatchError{GroupKind: gvk.GroupKind()} // its CRD was removed since it was looked up
	}
	return err
}

// getChild reads the cluster's child of a name into out, and tells whether it
// is there. What the cache does not have may be somebody else's, or too young.
func (c *Controller) getChild(ctx context.Context, cr *v1alpha1.FlightCluster, name string, out client.Object) (bool, error) {
	key := client.ObjectKey{Namespace: cr.Namespace, Name: name}
	err := c.Client.Get(ctx, key, out)
	if apierrors.IsNotFound(err) {
		return c.getLiveChild(ctx, cr, name, out)
	}
	return isChild(err, cr, out)
}

// getLiveChild does the same past the cache.
func (c *Controller) getLiveChild(ctx context.Context, cr *v1alpha1.FlightCluster, name string, out client.Object) (bool, error) {
	err := c.Live.Get(ctx, client.ObjectKey{Namespace: cr.Namespace, Name: name}, out)
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	return isChild(err, cr, out)
}

func isChild(err error, cr *v1alpha1.FlightCluster, out client.Object) (bool, error) {
	switch {
	case err != nil:
		return false, err
	case metadata.IsOwned(out, cr):
		return true, nil
	}
	kind, name := reflect.TypeOf(out).Elem().Name(), out.GetName()
	if metadata.IsLeftover(out, cr) {
		return false, fmt.Errorf("%s %s is %w", kind, name, errLeftover)
	}
	return false, fmt.Errorf("%s %s is %w", kind, name, errConflict)
}

// Converters know which lists are keyed, so that ownership of one entry is told
// from ownership of a list. They are large: made once, when first needed.
var (
	converter = sync.OnceValue(func() managedfields.TypeConverter {
		return applyconfigurations.NewTypeConverter(scheme.Scheme)
	})
	certManagerConverter = sync.OnceValue(func() managedfields.TypeConverter {
		kinds := runtime.NewScheme()
		utilruntime.Must(cmv1.AddToScheme(kinds))
		return cmapplyconfigurations.NewTypeConverter(kinds)
	})
)

func converterOf(object *unstructured.Unstructured) managedfields.TypeConverter {
	if object.GroupVersionKind().Group == certmanager.GroupName {
		return certManagerConverter()
	}
	return converter()
}

// isApplied tells whether applying desired would change nothing: what the
// operator owns in live is exactly desired.
func isApplied(live client.Object, desired *unstructured.Unstructured, converter managedfields.TypeConverter) (bool, error) {
	owned, err := ownedFields(live, desired, converter)
	if err != nil || owned == nil {
		return false, err
	}
	want := desired.DeepCopy().Object
	for _, identity := range [][]string{{"apiVersion"}, {"kind"}, {"metadata", "name"}, {"metadata", "namespace"}} {
		unstructured.RemoveNestedField(want, identity...) // nobody owns these
	}
	a, err := json.Marshal(owned)
	if err != nil {
		return false, err
	}
	b, err := json.Marshal(want)
	return bytes.Equal(a, b), err
}

// ownedFields extracts from live what the operator applied last; nil: nothing.
func ownedFields(live client.Object, desired *unstructured.Unstructured, converter managedfields.TypeConverter) (any, error) {
	for _, entry := range live.GetManagedFields() {
		if entry.Manager != metadata.FieldOwner || entry.Operation != metav1.ManagedFieldsOperationApply || entry.Subresource != "" {
			continue
		}
		fields := &fieldpath.Set{}
		if err := fields.FromJSON(entry.FieldsV1.GetRawReader()); err != nil {
			return nil, fmt.Errorf("reading who owns the fields of %s: %w", live.GetName(), err)
		}
		live.GetObjectKind().SetGroupVersionKind(desired.GroupVersionKind())
		value, err := converter.ObjectToTyped(live)
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", live.GetName(), err)
		}
		return value.ExtractItems(fields.Leaves(), typed.WithAppendKeyFields()).AsValue().Unstructured(), nil
	}
	return nil, nil
}

func newObject(kinds *runtime.Scheme, desired *unstructured.Unstructured) (client.Object, error) {
	object, err := kinds.New(desired.GroupVersionKind())
	if err != nil {
		return nil, err
	}
	typed, ok := object.(client.Object)
	if !ok {
		return nil, fmt.Errorf("%s is no object with metadata", desired.GetKind())
	}
	return typed, nil
}

func toUnstructured(object runtime.ApplyConfiguration) (*unstructured.Unstructured, error) {
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
	if err != nil {
		return nil, fmt.Errorf("converting an apply configuration: %w", err)
	}
	return &unstructured.Unstructured{Object: fields}, nil
}
