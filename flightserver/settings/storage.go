package settings

import (
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// Storage bounds the space that datasets take, and the work on them that nobody
// waits for.
type Storage struct {
	// Quota is for all versions of all datasets that are kept, DatasetQuota for
	// those of each dataset; zero is no bound. A write beyond is refused with
	// RESOURCE_EXHAUSTED.
	Quota        resource.Quantity `json:"quota,omitzero"`
	DatasetQuota resource.Quantity `json:"datasetQuota,omitzero"`
	// MinFree is what writes leave free of the volume, for reading and dropping.
	// A write that finds less is refused with UNAVAILABLE.
	MinFree resource.Quantity `json:"minFree"`
	// Cache is what Parquet segments may take that are kept decoded for the next
	// reader, beside what datasets take; zero keeps none. It leaves a tenth of the
	// volume free, whatever it may have.
	Cache resource.Quantity `json:"cache"`
	// CompactRate is how many bytes a second may be rewritten to make few large
	// segments of many small ones, CompactEvery how often they are looked for; a
	// rate of zero is never.
	CompactRate  resource.Quantity `json:"compactRate"`
	CompactEvery metav1.Duration   `json:"compactEvery"`
	// ScrubRate is how many bytes a second may be verified, ScrubEvery how long
	// after the begin of one pass over everything the next begins; a rate of zero
	// is never.
	ScrubRate  resource.Quantity `json:"scrubRate"`
	ScrubEvery metav1.Duration   `json:"scrubEvery"`
}

// DefaultStorage leaves most of a slow volume's bandwidth to clients.
func DefaultStorage() Storage {
	return Storage{
		MinFree:      resource.MustParse("64Mi"),
		Cache:        resource.MustParse("16Gi"),
		CompactRate:  resource.MustParse("32Mi"),
		CompactEvery: metav1.Duration{Duration: time.Minute},
		ScrubRate:    resource.MustParse("16Mi"),
		ScrubEvery:   metav1.Duration{Duration: 7 * 24 * time.Hour},
	}
}

func (s Storage) validate(at *field.Path) field.ErrorList {
	var errs field.ErrorList
	for _, q := range []struct {
		name  string
		value resource.Quantity
	}{
		{"quota", s.Quota},
		{"datasetQuota", s.DatasetQuota},
		{"minFree", s.MinFree},
		{"cache", s.Cache},
		{"compactRate", s.CompactRate},
		{"scrubRate", s.ScrubRate},
	} {
		if q.value.Sign() < 0 {
			errs = append(errs, field.Invalid(at.Child(q.name), q.value.String(), "must not be negative"))
		}
	}
	if s.CompactRate.Sign() > 0 && s.CompactEvery.Duration <= 0 {
		errs = append(errs, field.Invalid(at.Child("compactEvery"), s.CompactEvery.Duration.String(),
			"must be positive; a compactRate of 0 switches compaction off"))
	}
	if s.ScrubRate.Sign() > 0 && s.ScrubEvery.Duration < time.Hour {
		errs = append(errs, field.Invalid(at.Child("scrubEvery"), s.ScrubEvery.Duration.String(),
			"must be at least 1h; a scrubRate of 0 switches scrubbing off"))
	}
	return errs
}
