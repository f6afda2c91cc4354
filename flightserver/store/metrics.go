package store

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/flight-operator/flight-operator/flightserver/store/vfs"
)

type metrics struct {
	commits   *prometheus.CounterVec
	segments  prometheus.Counter
	written   prometheus.Counter
	corrupt   prometheus.Counter
	compacted prometheus.Counter
	fsync     prometheus.Histogram

	cacheReads   *prometheus.CounterVec
	cacheDamaged prometheus.Counter
}

// newMetrics registers with r; nil registers nowhere.
func newMetrics(r prometheus.Registerer) *metrics {
	f := promauto.With(r)
	return &metrics{
		commits: f.NewCounterVec(prometheus.CounterOpts{
			Name: "flightserver_store_commits_total",
			Help: "Versions that were to be committed, by result.",
		}, []string{"result"}),
		segments: f.NewCounter(prometheus.CounterOpts{
			Name: "flightserver_store_segments_total",
			Help: "Segments that were written.",
		}),
		written: f.NewCounter(prometheus.CounterOpts{
			Name: "flightserver_store_written_bytes_total",
			Help: "Bytes of segments that were written.",
		}),
		corrupt: f.NewCounter(prometheus.CounterOpts{
			Name: "flightserver_store_corrupt_reads_total",
			Help: "Reads that met damaged data. Anything above zero needs a person.",
		}),
		compacted: f.NewCounter(prometheus.CounterOpts{
			Name: "flightserver_store_compacted_bytes_total",
			Help: "Bytes of segments that were made of smaller ones.",
		}),
		cacheReads: f.NewCounterVec(prometheus.CounterOpts{
			Name: "flightserver_store_cache_reads_total",
			Help: "Reads of Parquet segments, by whether a decoded one was in the cache.",
		}, []string{"result"}),
		cacheDamaged: f.NewCounter(prometheus.CounterOpts{
			Name: "flightserver_store_cache_damaged_total",
			Help: "Decoded segments that were found damaged in the cache, and read from Parquet again.",
		}),
		fsync: f.NewHistogram(prometheus.HistogramOpts{
			Name:    "flightserver_store_fsync_seconds",
			Help:    "Time that fsync of a file or a directory took.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 2, 14),
		}),
	}
}

// registerSpace tells what the store keeps, and in what state.
func registerSpace(r prometheus.Registerer, s *Store) {
	f := promauto.With(r)
	f.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "flightserver_store_stored_bytes",
		Help: "Bytes on disk of all versions that are kept.",
	}, func() float64 { return float64(s.Stored()) })
	f.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "flightserver_store_cache_bytes",
		Help: "Bytes on disk of Parquet segments that are kept decoded.",
	}, func() float64 { return float64(s.cache.size()) })
	f.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "flightserver_store_damaged_datasets",
		Help: "Datasets of which a scrub or a read found segments damaged. Anything above zero needs a person.",
	}, func() float64 {
		damaged := 0
		for _, d := range s.all() {
			if d.Damage() != nil {
				damaged++
			}
		}
		return float64(damaged)
	})
}

// timedFS measures what syncing costs.
type timedFS struct {
	vfs.FS
	fsync prometheus.Observer
}

func (t timedFS) Create(name string) (vfs.File, error) {
	f, err := t.FS.Create(name)
	if err != nil {
		return nil, err
	}
	return timedFile{f, t.fsync}, nil
}

func (t timedFS) SyncDir(name string) error {
	defer observe(t.fsync, time.Now())
	return t.FS.SyncDir(name)
}

type timedFile struct {
	vfs.File
	fsync prometheus.Observer
}

func (t timedFile) Sync() error {
	defer observe(t.fsync, time.Now())
	return t.File.Sync()
}

func observe(o prometheus.Observer, start time.Time) { o.Observe(time.Since(start).Seconds()) }
