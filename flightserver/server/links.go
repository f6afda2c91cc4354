package server

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow/flight"

	"github.com/flight-operator/flight-operator/flightserver/auth"
	"github.com/flight-operator/flight-operator/flightserver/httpdata"
)

// linksHeader asks GetFlightInfo for links. Clients that do not ask get none:
// some try every location as a gRPC address.
const linksHeader = "x-flight-http-links"

// links are the HTTP side of a server.
type links struct {
	httpdata.Links
	server *http.Server
}

func (s *Server) newLinks() {
	base, scheme := s.settings.HTTPAdvertise, "http://"
	if s.dataTLS != nil {
		scheme = "https://"
	}
	if base == "" {
		base = scheme + s.httpListener.Addr().String()
	}
	s.links = &links{Links: httpdata.Links{Keys: s.keys, Base: strings.TrimSuffix(base, "/")}}
	s.links.server = httpdata.NewServer(&httpdata.Handler{
		Links: &s.links.Links, Admit: s.admitLink, Open: s.flight.openLink, Explain: explainHTTP, Logger: s.logger,
	}, s.aroundLinks)
	if s.dataTLS != nil {
		s.links.server.TLSConfig = s.dataTLS.Config()
	}
}

func (l *links) serve(listener net.Listener) error {
	var err error
	if l.server.TLSConfig != nil {
		err = l.server.ServeTLS(listener, "", "")
	} else {
		err = l.server.Serve(listener)
	}
	if !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// stopWithin lets answers end by themselves, and ends them when time is up.
func (l *links) stopWithin(timeout time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	if l.server.Shutdown(ctx) != nil {
		_ = l.server.Close() // the listener is closed, and there is nobody to tell
	}
}

// linked is the service of a server that may have links.
type linked struct {
	*flightService
	links *links
}

// GetFlightInfo adds a link to each endpoint for callers that ask for links.
func (l linked) GetFlightInfo(ctx context.Context, descriptor *flight.FlightDescriptor) (*flight.FlightInfo, error) {
	info, err := l.flightService.GetFlightInfo(ctx, descriptor)
	if err != nil || l.links == nil || firstValue(ctx, linksHeader) == "" {
		return info, err
	}
	caller := auth.FromContext(ctx)
	for _, endpoint := range info.GetEndpoint() {
		uri, err := l.links.Make(caller.Credential, endpoint.GetTicket().GetTicket(), linkEnd(caller, endpoint))
		if err != nil {
			return nil, err
		}
		endpoint.Location = beforeReuse(endpoint.GetLocation(), &flight.Location{Uri: uri})
	}
	return info, nil
}

// linkEnd is when a link ends: with its ticket, or with the credentials that it
// is made for where these end before.
func linkEnd(caller auth.Identity, endpoint *flight.FlightEndpoint) time.Time {
	end := endpoint.GetExpirationTime().AsTime()
	if !caller.Expires.IsZero() && caller.Expires.Before(end) {
		return caller.Expires
	}
	return end
}

// beforeReuse adds a location ahead of the connection that the client has, which
// stands last. The locations are shared between endpoints: they are not changed.
func beforeReuse(locations []*flight.Location, link *flight.Location) []*flight.Location {
	out := make([]*flight.Location, 0, len(locations)+1)
	for _, each := range locations {
		if each.GetUri() == flight.LocationReuseConnection {
			out = append(out, link)
		}
		out = append(out, each)
	}
	return out
}
