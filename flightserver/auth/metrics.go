package auth

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	reloadFailures prometheus.Counter
}

func newMetrics(r prometheus.Registerer) *metrics {
	m := &metrics{
		reloadFailures: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "flightserver_auth_reload_failures_total",
			Help: "Changes of credentials or signing keys that could not be loaded.",
		}),
	}
	r.MustRegister(m.reloadFailures)
	return m
}
