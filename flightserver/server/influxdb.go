package server

import (
	"errors"
	"fmt"
	"strings"

	"google.golang.org/grpc/codes"

	"github.com/flight-operator/flight-operator/flightserver/auth"
	"github.com/flight-operator/flight-operator/flightserver/catalog"
	"github.com/flight-operator/flight-operator/flightserver/settings"
)

// wordingOf gives that of a profile.
func wordingOf(profile string) wording {
	if profile == settings.ProfileInfluxDB {
		return influxWords
	}
	return ownWords
}

// influxWords says what InfluxDB Cloud Serverless documents for its Flight
// queries, which programs made for it look for. Errors that it knows nothing of
// keep their own words.
func influxWords(c *call, err error, code codes.Code, text string) (codes.Code, string) {
	switch {
	case code == codes.Unauthenticated:
		return code, "unauthenticated"
	case errors.Is(err, auth.ErrForbidden):
		return codes.Unauthenticated, influxPermission(c, err)
	case errors.Is(err, catalog.ErrDatasetNotFound):
		return codes.InvalidArgument, fmt.Sprintf("bucket %q not found", shorten(c.lastDataset()))
	case errors.Is(err, errInvalidTicket):
		return codes.InvalidArgument, "Invalid ticket. Error: " + shorten(err.Error())
	case strings.HasSuffix(c.method, "/DoGet") && (errors.Is(err, errBadRequest) || errors.Is(err, errUnsupported)):
		return codes.InvalidArgument, "Invalid ticket. Error: " + text
	}
	return code, text
}

// influxPermission names a permission as InfluxDB does: what it lets one do, and
// with which bucket.
func influxPermission(c *call, err error) string {
	verb := "read"
	if auth.Changes(err) {
		verb = "write"
	}
	return fmt.Sprintf("%s:%s is unauthorized", verb, shorten(c.lastDataset()))
}

func (c *call) lastDataset() string {
	if name := c.dataset.Load(); name != nil {
		return *name
	}
	return ""
}
