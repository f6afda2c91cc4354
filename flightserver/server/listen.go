package server

import (
	"context"
	"errors"
	"net"
)

// listen takes the ports, so that one that is taken is told before anything is
// served.
func (s *Server) listen(ctx context.Context) error {
	for _, each := range []struct {
		address  string
		listener *net.Listener
	}{
		{s.settings.Listen, &s.dataListener},
		{s.settings.AdminListen, &s.adminListener},
		{s.settings.OpsListen, &s.opsListener},
		{s.settings.HTTPListen, &s.httpListener},
	} {
		if each.address == "" {
			continue
		}
		listener, err := new(net.ListenConfig).Listen(ctx, "tcp", each.address)
		if err != nil {
			return err
		}
		*each.listener = listener
		s.closers = append(s.closers, func() error { return closeListener(listener) })
	}
	return nil
}

// closeListener does not mind that serving has closed the listener before.
func closeListener(l net.Listener) error {
	if err := l.Close(); !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

// URI is where the data port is reached from this machine.
func (s *Server) URI() string {
	scheme := "grpc://"
	if s.dataTLS != nil {
		scheme = "grpc+tls://"
	}
	return scheme + s.dataListener.Addr().String()
}

// AdminAddr is the address of the admin port; nil when there is none.
func (s *Server) AdminAddr() net.Addr { return address(s.adminListener) }

// OpsAddr is the address of the ops port; nil when there is none.
func (s *Server) OpsAddr() net.Addr { return address(s.opsListener) }

// HTTPAddr is the address of links to data; nil when there are none.
func (s *Server) HTTPAddr() net.Addr { return address(s.httpListener) }

func address(l net.Listener) net.Addr {
	if l == nil {
		return nil
	}
	return l.Addr()
}
