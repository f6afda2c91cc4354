package auth

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	reloadFailures prometheus.Counter
	failures       *prometheus.CounterVec
	reviews        *prometheus.CounterVec
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
		reviews: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "flightserver_auth_token_reviews_total",
			Help: "Tokens of ServiceAccounts that Kubernetes was asked about, by its answer.",
		}, []string{"answer"}),
	}
	for _, each := range reasons {
		m.failures.WithLabelValues(each.reason) // so that a first one is seen to rise
	}
	for _, answer := range []string{reviewGood, reviewBad, reviewNone} {
		m.reviews.WithLabelValues(answer)
	}
	r.MustRegister(m.reloadFailures, m.failures, m.reviews)
	return m
}

// Answers to reviews.
const (
	reviewGood = "good"
	reviewBad  = "bad"
	reviewNone = "none" // the API server gave none, or was not asked: too many were
)

func (m *metrics) reviewed(err error) {
	answer := reviewNone
	switch {
	case err == nil:
		answer = reviewGood
	case errors.Is(err, errReview):
		answer = reviewBad
	}
	m.reviews.WithLabelValues(answer).Inc()
}
