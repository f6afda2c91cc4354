package server

import (
	"context"

	grpcprom "github.com/grpc-ecosystem/go-grpc-middleware/providers/prometheus"
	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	rpc            *grpcprom.ServerMetrics
	inFlight       *prometheus.GaugeVec
	received, sent traffic
	httpRequests   *prometheus.CounterVec
	auditFailures  prometheus.Counter
}

func newMetrics(r prometheus.Registerer) *metrics {
	sizes := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "flightserver_message_bytes",
		Help:    "Bytes of Arrow data in a message, by direction.",
		Buckets: prometheus.ExponentialBuckets(1<<10, 4, 11), // to 1 GiB
	}, []string{"direction"})
	m := &metrics{
		rpc: grpcprom.NewServerMetrics(grpcprom.WithServerHandlingTimeHistogram()),
		inFlight: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "flightserver_calls_in_flight",
			Help: "Calls that have begun and not ended, by method.",
		}, []string{"method"}),
		received: traffic{
			bytes: prometheus.NewCounter(prometheus.CounterOpts{
				Name: "flightserver_received_bytes_total",
				Help: "Bytes of Arrow data received in uploads.",
			}),
			sizes: sizes.WithLabelValues("received"),
		},
		sent: traffic{
			bytes: prometheus.NewCounter(prometheus.CounterOpts{
				Name: "flightserver_sent_bytes_total",
				Help: "Bytes of Arrow data sent to readers.",
			}),
			sizes: sizes.WithLabelValues("sent"),
		},
		httpRequests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "flightserver_http_requests_total",
			Help: "Requests for data over HTTP that have ended, by status code.",
		}, []string{"code"}),
		auditFailures: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "flightserver_audit_failures_total",
			Help: "Decisions that could not be written to the audit log.",
		}),
	}
	r.MustRegister(m.rpc, m.inFlight, sizes, m.received.bytes, m.sent.bytes, m.httpRequests, m.auditFailures)
	return m
}

func (m *metrics) countInFlight(ctx context.Context, method string, next func(context.Context) error) error {
	gauge := m.inFlight.WithLabelValues(method)
	gauge.Inc()
	defer gauge.Dec()
	return next(ctx)
}
