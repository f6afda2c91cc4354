package server

import (
	"github.com/flight-operator/flight-operator/flightserver/catalog"
	"github.com/flight-operator/flight-operator/flightserver/settings"
)

// spaceOf and maintenanceOf translate the settings of storage.

func spaceOf(s settings.Storage) catalog.Space {
	return catalog.Space{Quota: s.Quota.Value(), DatasetQuota: s.DatasetQuota.Value(), MinFree: s.MinFree.Value()}
}

func maintenanceOf(s settings.Storage) catalog.Maintenance {
	return catalog.Maintenance{
		CompactRate: s.CompactRate.Value(), ScrubRate: s.ScrubRate.Value(), ScrubEvery: s.ScrubEvery.Duration,
	}
}
