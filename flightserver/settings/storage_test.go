package settings

import (
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
)

func TestStorage(t *testing.T) {
	cases := map[string]struct {
		reason string
		edit   func(*Storage)
		want   string // part of the error; empty: valid
	}{
		"Default":      {reason: "the defaults are valid", edit: func(*Storage) {}},
		"Quota":        {edit: func(s *Storage) { s.Quota = resource.MustParse("-1") }, want: "storage.quota"},
		"DatasetQuota": {edit: func(s *Storage) { s.DatasetQuota = resource.MustParse("-1Gi") }, want: "storage.datasetQuota"},
		"MinFree":      {edit: func(s *Storage) { s.MinFree = resource.MustParse("-1") }, want: "storage.minFree"},
		"Cache":        {edit: func(s *Storage) { s.Cache = resource.MustParse("-1Gi") }, want: "storage.cache"},
		"NoCache":      {reason: "every read decodes", edit: func(s *Storage) { s.Cache = resource.Quantity{} }},
		"CompactRate":  {edit: func(s *Storage) { s.CompactRate = resource.MustParse("-1") }, want: "storage.compactRate"},
		"CompactEvery": {edit: func(s *Storage) { s.CompactEvery.Duration = 0 }, want: "storage.compactEvery"},
		"NoCompaction": {reason: "who does not compact need not say how often", edit: func(s *Storage) {
			s.CompactRate, s.CompactEvery.Duration = resource.Quantity{}, 0
		}},
		"ScrubEvery": {reason: "a pass takes time", edit: func(s *Storage) { s.ScrubEvery.Duration = time.Minute }, want: "storage.scrubEvery"},
		"NoScrub": {reason: "who does not scrub need not say how often", edit: func(s *Storage) {
			s.ScrubRate, s.ScrubEvery.Duration = resource.Quantity{}, 0
		}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			s := Default()
			s.DataDir = "data"
			tc.edit(&s.Storage)
			err := s.Validate()
			if (err == nil) != (tc.want == "") || (err != nil && !strings.Contains(err.Error(), tc.want)) {
				t.Errorf("error %v, want %q", err, tc.want)
			}
		})
	}
}
