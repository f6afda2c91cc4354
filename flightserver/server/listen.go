package server

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"

	"github.com/flight-operator/flight-operator/flightserver/settings"
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
		listener, err := listenAt(ctx, each.address)
		if err != nil {
			return err
		}
		*each.listener = listener
		s.closers = append(s.closers, func() error { return closeListener(listener) })
	}
	return nil
}

func listenAt(ctx context.Context, address string) (net.Listener, error) {
	path, ok := settings.UnixSocket(address)
	if !ok {
		return new(net.ListenConfig).Listen(ctx, "tcp", address)
	}
	if err := removeStale(ctx, path); err != nil {
		return nil, err
	}
	return new(net.ListenConfig).Listen(ctx, "unix", path)
}

// removeStale removes the socket that a server left which was killed: nobody
// answers there, and nobody else can listen. Another file of that name stays.
func removeStale(ctx context.Context, path string) error {
	info, err := os.Lstat(path)
	if err != nil || info.Mode().Type() != fs.ModeSocket {
		return nil //nolint:nilerr // listening tells what is wrong with the path
	}
	if c, err := new(net.Dialer).DialContext(ctx, "unix", path); err == nil {
		return c.Close() // another server listens, as listening will tell
	}
	return os.Remove(path)
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
	if s.dataListener.Addr().Network() == "unix" {
		return "grpc+unix://" + s.dataListener.Addr().String()
	}
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
