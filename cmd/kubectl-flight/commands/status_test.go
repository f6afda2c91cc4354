package commands

import (
	"bytes"
	"errors"
	"testing"
	"text/tabwriter"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
	"github.com/flight-operator/flight-operator/cmd/kubectl-flight/transfer"
)

func TestShowStatus(t *testing.T) {
	cr := &v1alpha1.FlightCluster{
		ObjectMeta: metav1.ObjectMeta{Name: "prod", Namespace: "ns", Generation: 2},
		Status: v1alpha1.FlightClusterStatus{
			ObservedGeneration: 1, Replicas: 1, ReadyReplicas: 1, Version: "1.0.0",
			Members:    []v1alpha1.MemberStatus{{Name: "prod-0", State: v1alpha1.MemberActive, UsedBytes: 5e6, CapacityBytes: 1e9}},
			Conditions: []metav1.Condition{{Type: "Ready", Status: "True", Reason: "Ready", Message: "all is well"}},
		},
	}
	declared := []v1alpha1.FlightDataset{
		{
			ObjectMeta: metav1.ObjectMeta{Name: "trips"}, Spec: v1alpha1.FlightDatasetSpec{Path: []string{"nyc", "trips"}},
			Status: v1alpha1.FlightDatasetStatus{Version: 3, Conditions: []metav1.Condition{{Type: "Ready", Status: "True"}}},
		},
		{
			ObjectMeta: metav1.ObjectMeta{Name: "lost"},
			Status:     v1alpha1.FlightDatasetStatus{Conditions: []metav1.Condition{{Type: "Ready", Status: "False", Reason: "ClusterUnreachable"}}},
		},
	}
	served := []transfer.Dataset{{Name: "nyc/trips", Rows: 1234, Bytes: 9e6}, {Name: "uploaded", Rows: 1, Bytes: 8}}
	var out bytes.Buffer
	w := tabwriter.NewWriter(&out, 0, 0, 3, ' ', 0)
	showCluster(w, cr)
	showDatasets(w, declared, served, errors.New("no ready pod"))
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	want := `FlightCluster   ns/prod
Version         1.0.0
Replicas        1 of 1 ready
Note            the operator has not yet looked at the newest spec

CONDITION   STATUS   REASON   MESSAGE
Ready       True     Ready    all is well

MEMBER   STATE    USED     CAPACITY
prod-0   Active   5.0 MB   1.0 GB

DATASET     ROWS    BYTES    RESOURCE   READY                        VERSION
nyc/trips   1,234   9.0 MB   trips      True                         3
uploaded    1       8 B      -          -                            -
lost        -       -        lost       False (ClusterUnreachable)   0

The servers could not be asked: no ready pod
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
