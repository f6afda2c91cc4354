package flightdataset_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
	"github.com/flight-operator/flight-operator/controllers/flightdataset"
	"github.com/flight-operator/flight-operator/flightserver/settings"
	"github.com/flight-operator/flight-operator/test/env"
)

func TestDatasetBecomesReady(t *testing.T) {
	h := newHarness(t)
	h.create("trips", func(s *v1alpha1.FlightDatasetSpec) {
		s.Path = []string{"nyc", "trips"}
		s.Format = "Parquet"
		s.Schema = &v1alpha1.DatasetSchema{Fields: []v1alpha1.SchemaField{{Name: "ts", Type: "timestamp[us, UTC]", Nullable: new(false)}}}
	})
	if res := h.reconcileDataset("trips"); res.RequeueAfter != 10*time.Second {
		t.Errorf("comes back after %s, want 10s: nobody tells of uploads", res.RequeueAfter)
	}
	h.expectDataset("trips", v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonReady, "ready for its first upload")
	h.expectDataset("trips", v1alpha1.ConditionClusterReachable, metav1.ConditionTrue, v1alpha1.ReasonClusterAnswers, "")
	h.expectDataset("trips", v1alpha1.ConditionSchemaApplied, metav1.ConditionTrue, v1alpha1.ReasonDeclared, "")
	h.expectDataset("trips", v1alpha1.ConditionReconciling, metav1.ConditionFalse, v1alpha1.ReasonReady, "")
	h.expectDataset("trips", v1alpha1.ConditionStalled, metav1.ConditionFalse, v1alpha1.ReasonProgressing, "")
	if got := h.Server.Datasets(); !slices.Equal(got, []string{"nyc/trips"}) {
		t.Errorf("the server keeps %q", got)
	}

	h.Server.Upload("nyc/trips", 812345, 930000000)
	h.reconcileDataset("trips")
	st := h.dataset("trips").Status
	if st.Rows != 812345 || st.Bytes != 930000000 || st.Version != 1 || st.DatasetID == "" {
		t.Errorf("status: %+v", st)
	}
	h.expectDataset("trips", v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonReady, "version 1 with 812345 rows")
}

func TestDeclaresWhatTheSpecSays(t *testing.T) {
	h := newHarness(t)
	h.create("trips", func(s *v1alpha1.FlightDatasetSpec) {
		s.Path = []string{"nyc", "trips"}
		s.Format = "Arrow"
		s.Compression = "ZSTD"
		s.Schema = &v1alpha1.DatasetSchema{Fields: []v1alpha1.SchemaField{
			{Name: "ts", Type: "timestamp[us, UTC]", Nullable: new(false)}, {Name: "fare", Type: "float64"},
		}}
	})
	h.reconcileDataset("trips")
	want := settings.DatasetDeclaration{
		Path: []string{"nyc", "trips"}, Format: settings.FormatArrow, Compression: settings.CompressionZSTD,
		Schema: &settings.DatasetSchema{Fields: []settings.DatasetField{
			{Name: "ts", Type: "timestamp[us, UTC]"}, {Name: "fare", Type: "float64", Nullable: true},
		}},
	}
	if diff := cmp.Diff(want, h.Server.Declared()); diff != "" {
		t.Errorf("declared is (-want +got):\n%s", diff)
	}
}

func TestNoWritesAtRest(t *testing.T) {
	h := newHarness(t)
	h.create("trips", func(s *v1alpha1.FlightDatasetSpec) {
		s.DeletionPolicy = v1alpha1.DeletionDelete
		s.Access = onlyETL
	})
	h.reconcileDataset("trips")
	h.writes.KillAfter(-1)
	for range 10 {
		h.reconcileDataset("trips")
	}
	if n := h.writes.Count(); n != 0 {
		t.Errorf("ten reconciles of a dataset at rest made %d writes, want none", n)
	}
}

func TestKilledAfterEachWrite(t *testing.T) {
	for n := range 3 {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			h := newHarness(t)
			h.create("trips", func(s *v1alpha1.FlightDatasetSpec) {
				s.DeletionPolicy = v1alpha1.DeletionDelete
				s.Access = onlyETL
			})
			h.writes.KillAfter(n)
			if _, err := h.tryDataset("trips"); err != nil && !errors.Is(err, env.ErrKilled) {
				t.Fatal(err)
			}
			h.writes.KillAfter(-1)
			h.reconcileDataset("trips")
			h.expectDataset("trips", v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonReady, "")
			h.expectAccess("killed", onlyETLThere)
			h.delete("trips")
			h.reconcileDataset("trips")
			if !h.gone("trips") || len(h.Server.Datasets()) != 0 {
				t.Errorf("resource gone: %t, data: %q", h.gone("trips"), h.Server.Datasets())
			}
		})
	}
}

func TestDroppedByAClientComesBack(t *testing.T) {
	h := newHarness(t)
	h.create("trips", nil)
	h.reconcileDataset("trips")
	before := h.dataset("trips").Status.DatasetID
	h.Server.Drop("trips")
	h.reconcileDataset("trips")
	if after := h.dataset("trips").Status.DatasetID; after == before || after == "" {
		t.Errorf("datasetID %q, want another than %q", after, before)
	}
}

func TestConflict(t *testing.T) {
	h := newHarness(t)
	h.create("a-younger-name", func(s *v1alpha1.FlightDatasetSpec) { s.Path = []string{"trips"} })
	time.Sleep(1100 * time.Millisecond) // ages have whole seconds
	h.create("b", func(s *v1alpha1.FlightDatasetSpec) {
		s.Path = []string{"trips"}
		s.DeletionPolicy = v1alpha1.DeletionDelete
	})
	h.reconcileDataset("a-younger-name")
	h.reconcileDataset("b")
	h.expectDataset("a-younger-name", v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonReady, "")
	h.expectDataset("b", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonConflict, "FlightDataset a-younger-name, which is older")
	h.expectDataset("b", v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonConflict, "")

	h.delete("b")
	h.reconcileDataset("b")
	if !h.gone("b") || len(h.Server.Datasets()) != 1 {
		t.Error("the loser took the winner's data with it, or stayed")
	}
}

func TestLoserTakesOverWhenTheOlderGoes(t *testing.T) {
	h := newHarness(t)
	h.create("a", func(s *v1alpha1.FlightDatasetSpec) { s.Path = []string{"trips"} })
	h.create("b", func(s *v1alpha1.FlightDatasetSpec) { s.Path = []string{"trips"} })
	h.reconcileDataset("b")
	h.expectDataset("b", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonConflict, "")
	h.delete("a")
	h.reconcileDataset("b")
	h.expectDataset("b", v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonReady, "")
	h.expectDataset("b", v1alpha1.ConditionStalled, metav1.ConditionFalse, v1alpha1.ReasonProgressing, "")
}

func TestDeletion(t *testing.T) {
	tests := map[string]struct {
		reason  string
		policy  v1alpha1.DeletionPolicy
		between func(*harness)
		held    bool // still there after a reconcile
		kept    bool // the data is
	}{
		"retain": {
			reason: "without a finalizer the resource goes even when no operator runs",
			policy: v1alpha1.DeletionRetain,
			kept:   true,
		},
		"delete": {
			reason: "the data goes first",
			policy: v1alpha1.DeletionDelete,
		},
		"dropped before": {
			reason:  "what is gone already needs no dropping",
			policy:  v1alpha1.DeletionDelete,
			between: func(h *harness) { h.Server.Drop("trips") },
		},
		"made anew by somebody": {
			reason: "the id tells another dataset of the same name",
			policy: v1alpha1.DeletionDelete,
			between: func(h *harness) {
				h.Server.Drop("trips")
				h.Server.Upload("trips", 1, 1)
			},
			kept: true,
		},
		"cluster gone": {
			reason: "there is nobody to ask, and the cluster's own policy tells what becomes of its volumes",
			policy: v1alpha1.DeletionDelete,
			between: func(h *harness) {
				h.Delete(h.Key.Name, &v1alpha1.FlightCluster{})
			},
			kept: true,
		},
		"cluster does not answer": {
			reason:  "the data is still there: the resource waits",
			policy:  v1alpha1.DeletionDelete,
			between: func(h *harness) { h.Server.Fail(status.Error(codes.Unavailable, "busy")) },
			held:    true,
			kept:    true,
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t)
			h.create("trips", func(s *v1alpha1.FlightDatasetSpec) { s.DeletionPolicy = tc.policy })
			h.reconcileDataset("trips")
			if tc.between != nil {
				tc.between(h)
			}
			h.delete("trips")
			h.reconcileDataset("trips")
			if got := !h.gone("trips"); got != tc.held {
				t.Errorf("resource is there: %t, want %t: %s", got, tc.held, tc.reason)
			}
			if got := len(h.Server.Datasets()) > 0; got != tc.kept {
				t.Errorf("data is there: %t, want %t: %s", got, tc.kept, tc.reason)
			}
			if tc.held {
				h.expectDataset("trips", v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonDropping, "set spec.deletionPolicy to Retain")
			}
		})
	}
}

func TestFinalizerFollowsThePolicy(t *testing.T) {
	h := newHarness(t)
	h.create("trips", func(s *v1alpha1.FlightDatasetSpec) { s.DeletionPolicy = v1alpha1.DeletionDelete })
	h.reconcileDataset("trips")
	if got := h.dataset("trips").Finalizers; !slices.Equal(got, []string{flightdataset.Finalizer}) {
		t.Errorf("finalizers %q", got)
	}
	cr := h.dataset("trips")
	cr.Spec.DeletionPolicy = v1alpha1.DeletionRetain
	if err := api.Client.Update(t.Context(), cr); err != nil {
		t.Fatal(err)
	}
	h.reconcileDataset("trips")
	if got := h.dataset("trips").Finalizers; len(got) != 0 {
		t.Errorf("finalizers %q", got)
	}
}

func TestWaitsForTheCluster(t *testing.T) {
	h := newHarness(t)
	h.create("lost", func(s *v1alpha1.FlightDatasetSpec) { s.ClusterRef.Name = "nowhere" })
	h.reconcileDataset("lost")
	h.expectDataset("lost", v1alpha1.ConditionClusterReachable, metav1.ConditionFalse, v1alpha1.ReasonClusterNotFound, "FlightCluster nowhere does not exist")
	h.expectDataset("lost", v1alpha1.ConditionReconciling, metav1.ConditionTrue, v1alpha1.ReasonProgressing, "")

	h.create("trips", nil)
	h.reconcileDataset("trips")
	h.Edit(func(cr *v1alpha1.FlightCluster) { cr.Spec.Replicas = new(int32(0)) })
	h.Settle()
	h.reconcileDataset("trips")
	h.expectDataset("trips", v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonClusterUnavailable, "no member that serves")
	h.Edit(func(cr *v1alpha1.FlightCluster) { cr.Spec.Replicas = new(int32(1)) })
	h.Settle()

	h.Server.Fail(status.Error(codes.Unavailable, "starting"))
	h.reconcileDataset("trips")
	h.expectDataset("trips", v1alpha1.ConditionClusterReachable, metav1.ConditionFalse, v1alpha1.ReasonClusterUnreachable, "starting")
	h.Server.Fail(nil)
	h.reconcileDataset("trips")
	h.expectDataset("trips", v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonReady, "")
}

func TestRefusedByTheServer(t *testing.T) {
	h := newHarness(t)
	h.create("trips", nil)
	h.Server.Fail(status.Error(codes.InvalidArgument, `dataset "trips" has other fields: fare`))
	if res := h.reconcileDataset("trips"); res.RequeueAfter == 0 {
		t.Error("nobody looks again: the dataset in the way may be dropped")
	}
	h.expectDataset("trips", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonRefused, "other fields: fare")
	h.expectDataset("trips", v1alpha1.ConditionSchemaApplied, metav1.ConditionFalse, v1alpha1.ReasonRefused, "other fields: fare")
	h.expectDataset("trips", v1alpha1.ConditionClusterReachable, metav1.ConditionTrue, v1alpha1.ReasonClusterAnswers, "")

	h.Server.Fail(errors.New("what nobody foresaw"))
	if _, err := h.tryDataset("trips"); err == nil {
		t.Error("want an error that is retried")
	}
	h.expectDataset("trips", v1alpha1.ConditionReconciling, metav1.ConditionTrue, v1alpha1.ReasonRetrying, "what nobody foresaw")
}
