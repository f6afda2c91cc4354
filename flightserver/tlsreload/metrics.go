package tlsreload

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	reloadFailures prometheus.Counter
}

func newMetrics(r prometheus.Registerer, listener string, of *Reloader) *metrics {
	labels := prometheus.Labels{"listener": listener}
	m := &metrics{
		reloadFailures: prometheus.NewCounter(prometheus.CounterOpts{
			Name:        "flightserver_tls_reload_failures_total",
			Help:        "Changes of certificate files that could not be loaded.",
			ConstLabels: labels,
		}),
	}
	expiry := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name:        "flightserver_tls_leaf_expiry_timestamp_seconds",
		Help:        "When the served certificate expires, in seconds since 1970.",
		ConstLabels: labels,
	}, func() float64 { return float64(of.loaded.Load().notAfter.Unix()) })
	r.MustRegister(m.reloadFailures, expiry)
	return m
}
