package server

import (
	"github.com/flight-operator/flight-operator/flightserver/catalog"
	"github.com/flight-operator/flight-operator/flightserver/settings"
)

// What follows translates the words of settings into those of the catalog.

func spaceOf(s settings.Storage) catalog.Space {
	return catalog.Space{Quota: s.Quota.Value(), DatasetQuota: s.DatasetQuota.Value(), MinFree: s.MinFree.Value()}
}

func maintenanceOf(s settings.Storage) catalog.Maintenance {
	return catalog.Maintenance{
		CompactRate: s.CompactRate.Value(), CompactEvery: s.CompactEvery.Duration,
		ScrubRate: s.ScrubRate.Value(), ScrubEvery: s.ScrubEvery.Duration,
	}
}

func policyOf(d settings.DatasetDeclaration) (catalog.Policy, error) {
	compression, err := compressionOf(d.Compression)
	return catalog.Policy{Retention: retentionOf(d.Retention), Compression: compression}, err
}

func compressionOf(name string) (catalog.Compression, error) {
	switch name {
	case "", settings.CompressionNone:
		return catalog.CompressionNone, nil
	case settings.CompressionLZ4:
		return catalog.CompressionLZ4, nil
	case settings.CompressionZSTD:
		return catalog.CompressionZSTD, nil
	}
	return "", badRequest("compression %.64q is none of %s, %s and %s",
		name, settings.CompressionNone, settings.CompressionLZ4, settings.CompressionZSTD)
}

func retentionOf(r *settings.DatasetRetention) catalog.Retention {
	if r == nil {
		return catalog.Retention{}
	}
	return catalog.Retention{Versions: r.Versions, Age: r.Age.Duration, Bytes: r.Bytes}
}
