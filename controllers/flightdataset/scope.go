package flightdataset

import (
	"strings"
	"time"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
	"github.com/flight-operator/flight-operator/controllers/serveradmin"
	"github.com/flight-operator/flight-operator/controllers/status"
)

// scope is what the steps of one reconcile share.
type scope struct {
	cr, stored *v1alpha1.FlightDataset
	now        time.Time

	cluster *v1alpha1.FlightCluster
	server  *serveradmin.Client

	seen status.DatasetObservation
	// done ends the reconcile; nothing is left to come back for.
	done bool
	// released says that the resource itself is gone: it has no status.
	released bool
}

func (s *scope) close() {
	if s.server != nil {
		_ = s.server.Close() // nothing was left unsent
	}
}

// path is the dataset's, by default the resource's own name.
func path(cr *v1alpha1.FlightDataset) []string {
	if len(cr.Spec.Path) > 0 {
		return cr.Spec.Path
	}
	return []string{cr.Name}
}

// datasetName is what servers and clients call the dataset.
func datasetName(cr *v1alpha1.FlightDataset) string { return strings.Join(path(cr), "/") }
