// Package controllers lists everything that the operator runs.
package controllers

import (
	"fmt"

	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/flight-operator/flight-operator/controllers/flightcluster"
	"github.com/flight-operator/flight-operator/controllers/flightdataset"
	"github.com/flight-operator/flight-operator/controllers/resource"
	"github.com/flight-operator/flight-operator/controllers/serveradmin"
)

// Options are what the controllers need to know beside the API server.
type Options struct {
	// ServerImage runs where a FlightCluster names none.
	ServerImage string
	// OperatorPods are those that these controllers run in.
	OperatorPods resource.Pods
	// ReviewersBinding is the ClusterRoleBinding by which servers may review tokens.
	ReviewersBinding string
	// Clock is the time; nil: the real one.
	Clock clock.PassiveClock
	// Dialer reaches the servers' admin ports.
	Dialer serveradmin.Dialer
}

// Controller is one that the manager can run.
type Controller interface {
	SetupWithManager(mgr ctrl.Manager) error
}

// All controllers of the operator.
func All(mgr ctrl.Manager, o Options) []Controller {
	if o.Clock == nil {
		o.Clock = clock.RealClock{}
	}
	reviewers := &flightcluster.Reviewers{Client: mgr.GetClient(), Live: mgr.GetAPIReader(), Binding: o.ReviewersBinding}
	return []Controller{
		reviewers,
		&flightcluster.Controller{
			Client:       mgr.GetClient(),
			Live:         mgr.GetAPIReader(),
			Recorder:     mgr.GetEventRecorder("flightcluster"),
			Clock:        o.Clock,
			Dialer:       o.Dialer,
			ServerImage:  o.ServerImage,
			OperatorPods: o.OperatorPods,
			Reviewers:    reviewers,
		},
		&flightdataset.Controller{
			Client:   mgr.GetClient(),
			Recorder: mgr.GetEventRecorder("flightdataset"),
			Clock:    o.Clock,
			Dialer:   o.Dialer,
		},
	}
}

// SetUp starts all controllers with the manager.
func SetUp(mgr ctrl.Manager, o Options) error {
	for _, c := range All(mgr, o) {
		if err := c.SetupWithManager(mgr); err != nil {
			return fmt.Errorf("setting up %T: %w", c, err)
		}
	}
	return nil
}
