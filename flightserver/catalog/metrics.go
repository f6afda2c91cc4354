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
	}, func() float64 { return float64(c.count(func(*entry) int64 { return 1 })) })
	f.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "flightserver_datasets_broken",
		Help: "Datasets whose manifests are damaged. Anything above zero needs a person.",
	}, func() float64 {
		return float64(c.count(func(e *entry) int64 {
			if e.broken != nil {
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
			if e.broken != nil {
				return 0
			}
			return e.data.Newest().Bytes
		}))
	})
}

func (c *Catalog) count(each func(*entry) int64) (total int64) {
	for _, e := range c.names.Load().byName.all {
		total += each(e)
	}
	return total
}
