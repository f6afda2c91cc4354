package server

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/flight-operator/flight-operator/flightserver/wire"
)

// traffic measures the Arrow data that goes one way, in all calls.
type traffic struct {
	bytes prometheus.Counter
	sizes prometheus.Observer // of messages
}

func (t traffic) count(body int) {
	t.bytes.Add(float64(body))
	t.sizes.Observe(float64(body))
}

// sentTo counts what a call sends. One goroutine uses it.
type sentTo struct {
	messageSender
	traffic

	rows, bytes int64
}

func (s *sentTo) SendMsg(message any) error {
	if err := s.messageSender.SendMsg(message); err != nil {
		return err
	}
	if m, ok := message.(*wire.Outgoing); ok {
		n := m.BodyLen()
		s.count(n)
		s.rows, s.bytes = s.rows+m.Rows, s.bytes+int64(n)
	}
	return nil
}

// receivedFrom counts what an upload brings.
type receivedFrom struct {
	messageReceiver
	traffic
}

func (r receivedFrom) RecvMsg(message any) error {
	if err := r.messageReceiver.RecvMsg(message); err != nil {
		return err
	}
	if m, ok := message.(*wire.Incoming); ok {
		r.count(m.BodyLen())
	}
	return nil
}
