package server

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/flight-operator/flight-operator/flightserver/transport"
)

// Run serves until ctx is done, then drains: health and readiness say no; after
// the drain delay new calls are refused, and calls in flight end by themselves or
// at the drain timeout.
func (s *Server) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return serve(s.data, s.dataListener) })
	if s.admin != nil {
		group.Go(func() error { return serve(s.admin, s.adminListener) })
	}
	if s.ops != nil {
		group.Go(s.serveOps)
	}
	if s.links != nil {
		group.Go(func() error { return s.links.serve(s.httpListener) })
	}
	for _, follow := range s.followers() {
		group.Go(func() error { follow(ctx); return nil })
	}
	group.Go(func() error {
		<-ctx.Done()
		return s.drain()
	})
	s.serving.Store(true)
	err := group.Wait()
	s.flight.polls.stop()
	s.flight.background.Wait()
	return errors.Join(err, s.Close())
}

// serve does not mind that the drain came before it.
func serve(server *transport.Server, listener net.Listener) error {
	if err := server.Serve(listener); !errors.Is(err, transport.ErrStopped) {
		return err
	}
	return nil
}

func (s *Server) serveOps() error {
	if err := s.ops.Serve(s.opsListener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// followers keep what was loaded from files up to date.
func (s *Server) followers() []func(context.Context) {
	follow := []func(context.Context){s.auth.Run}
	if s.dataTLS != nil {
		follow = append(follow, s.dataTLS.Run)
	}
	if s.adminTLS != nil {
		follow = append(follow, s.adminTLS.Run)
	}
	return follow
}

func (s *Server) drain() error {
	delay, timeout := s.settings.DrainDelay.Duration, s.settings.DrainTimeout.Duration
	s.logger.Info("draining", "delay", delay, "timeout", timeout)
	s.serving.Store(false)
	s.catalog.Quiesce()
	s.health.drain()
	if delay > 0 {
		<-s.clock.After(delay)
	}
	var stopping sync.WaitGroup
	for _, server := range []*transport.Server{s.data, s.admin} {
		if server != nil {
			stopping.Go(func() { stopWithin(server, timeout) })
		}
	}
	if s.links != nil {
		stopping.Go(func() { s.links.stopWithin(timeout) })
	}
	stopping.Wait()
	if s.ops == nil {
		return nil
	}
	return s.ops.Close()
}

// stopWithin lets calls end by themselves, and ends them when time is up.
func stopWithin(server *transport.Server, timeout time.Duration) {
	force := time.AfterFunc(timeout, server.Stop)
	defer force.Stop()
	server.GracefulStop()
}
