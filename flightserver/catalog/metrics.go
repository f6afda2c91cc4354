package catalog

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// registerMetrics registers with r; nil registers nowhere.
func registerMetrics(r prometheus.Registerer, c *Catalog) {
	f := promauto.With(r)
	f.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "flightserver_datasets",
		Help: "Datasets that the catalog names.",
	}, func() float64 { return float64(c.Len()) })
	f.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "flightserver_datasets_broken",
		Help: "Datasets whose manifests are damaged. Anything above zero needs a person.",
	}, func() float64 {
		return float64(c.count(func(e *entry) int64 {
			if l := e.contents.loaded.Load(); l != nil && l.broken != nil {
				return 1
			}
			return 0
		}))
	})
	f.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "flightserver_dataset_bytes",
		Help: "Bytes on disk of the newest versions of all datasets.",
	}, func() float64 {
		return float64(c.count(func(e *entry) int64 {
			if l := e.contents.loaded.Load(); l != nil && l.data != nil {
				return l.data.Newest().Bytes
			}
			return 0
		}))
	})
}

func (c *Catalog) count(each func(*entry) int64) (total int64) {
	for _, e := range c.names.Load().byName.all {
		total += each(e)
	}
	return total
}
