package transfer

import (
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/status"

	"github.com/flight-operator/flight-operator/flightserver/settings"
)

// NoSpace tells whether a server refused an upload because its volume is full.
func NoSpace(err error) bool {
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok && info.GetReason() == settings.ReasonNoSpace {
			return true
		}
	}
	return false
}
