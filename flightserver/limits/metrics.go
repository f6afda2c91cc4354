package limits

import "github.com/prometheus/client_golang/prometheus"

// Metrics of everything in this package.
type Metrics struct {
	budgetMetrics
	callMetrics
	connectionMetrics
	stalled prometheus.Counter
}

type budgetMetrics struct {
	budgetSize, used, waiting prometheus.Gauge
	refused                   prometheus.Counter
}

type callMetrics struct {
	refusedCalls, refusedIdentity, refusedRate prometheus.Counter
}

type connectionMetrics struct {
	open     prometheus.Gauge
	accepted prometheus.Counter
	refused  prometheus.Counter
}

// NewMetrics registers the metrics of this package.
func NewMetrics(r prometheus.Registerer) *Metrics {
	gauge := func(name, help string) prometheus.Gauge {
		g := prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
		r.MustRegister(g)
		return g
	}
	counter := func(name, help string) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
		r.MustRegister(c)
		return c
	}
	refused := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "flightserver_refused_total",
		Help: "What was refused for a limit, by the limit's name in the settings.",
	}, []string{"limit"})
	r.MustRegister(refused)
	return &Metrics{
		budgetMetrics: budgetMetrics{
			budgetSize: gauge("flightserver_in_flight_limit_bytes", "Memory for data on its way between clients and disk."),
			used:       gauge("flightserver_in_flight_bytes", "Memory that data on its way takes."),
			waiting:    gauge("flightserver_in_flight_waiting", "Calls that wait for a part of that memory."),
			refused:    refused.WithLabelValues("inFlight"),
		},
		callMetrics: callMetrics{
			refusedCalls:    refused.WithLabelValues("calls"),
			refusedIdentity: refused.WithLabelValues("callsPerIdentity"),
			refusedRate:     refused.WithLabelValues("callsPerSecond"),
		},
		connectionMetrics: connectionMetrics{
			open:     gauge("flightserver_connections", "Open connections of the data port."),
			accepted: counter("flightserver_connections_total", "Connections of the data port that came, those that were refused among them."),
			refused:  refused.WithLabelValues("connections"),
		},
		stalled: refused.WithLabelValues("stall"),
	}
}
