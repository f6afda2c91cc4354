package server

import (
	"context"

	"github.com/flight-operator/flight-operator/flightserver/settings"
)

// What the action health says of a server.
const (
	statusServing  = "serving"
	statusDraining = "draining"
)

// healthResult is what a client may know of the server.
type healthResult struct {
	Status        string `json:"status"`
	Version       string `json:"version"`
	Datasets      int    `json:"datasets"`
	UsedBytes     int64  `json:"usedBytes"`     // of the volume's file system
	CapacityBytes int64  `json:"capacityBytes"` // of the volume's file system
}

func (s *flightService) health(context.Context, []byte) ([][]byte, error) {
	used, capacity, err := s.catalog.Usage()
	if err != nil {
		return nil, err
	}
	status := statusServing
	if !s.serving() {
		status = statusDraining
	}
	return jsonResult(healthResult{
		Status:        status,
		Version:       settings.Version,
		Datasets:      len(s.catalog.List("")),
		UsedBytes:     used,
		CapacityBytes: capacity,
	})
}
