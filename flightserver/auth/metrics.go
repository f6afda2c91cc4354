package auth

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	reloadFailures prometheus.Counter
	failures       *prometheus.CounterVec
}

func newMetrics(r prometheus.Registerer) *metrics {
	m := &metrics{
		reloadFailures: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "flightserver_auth_reload_failures_total",
			Help: "Changes of credentials or signing keys that could not be loaded.",
		}),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "flightserver_auth_failures_total",
			Help: "Calls refused because nobody known made them, by reason.",
		}, []string{"reason"}),
	}
	for _, each := range reasons {
		m.failures.WithLabelValues(each.reason) // so that a first one is seen to rise
	}
	r.MustRegister(m.reloadFailures, m.failures)
	return m
}
