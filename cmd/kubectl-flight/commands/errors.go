package commands

import (
	"fmt"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/flight-operator/flight-operator/cmd/kubectl-flight/target"
	"github.com/flight-operator/flight-operator/cmd/kubectl-flight/transfer"
)

// explain turns what a server answers into a sentence that says what to do.
// dataset may be empty. Errors of our own pass as they are.
func explain(err error, t *target.Target, dataset string) error {
	s, ok := status.FromError(err)
	if err == nil || !ok {
		return err
	}
	switch text := s.Message(); s.Code() {
	case codes.NotFound:
		return fmt.Errorf("dataset %q not found; kubectl flight ls shows what is there", dataset)
	case codes.AlreadyExists:
		return fmt.Errorf("dataset %q exists already; --mode replace or --mode append writes to it", dataset)
	case codes.Unauthenticated:
		return fmt.Errorf("%s wants to know who you are: %s; give --token-file, or --cluster to use a token of the cluster", t, text)
	case codes.PermissionDenied:
		return fmt.Errorf("%s; --token-name or --token-file gives another token", text)
	case codes.Unavailable:
		if transfer.NoSpace(err) {
			return fmt.Errorf("%s has no room: %s; kubectl flight rm frees some", t, text)
		}
		return fmt.Errorf("%s cannot be reached or is too busy: %s; try again, or look whether the server runs", t, text)
	case codes.Unimplemented:
		return fmt.Errorf("%s cannot do this: %s; is it a server of flight-operator, and as new as this program?", t, text)
	case codes.InvalidArgument, codes.FailedPrecondition:
		return fmt.Errorf("%s refuses: %s", t, text)
	case codes.DataLoss:
		return fmt.Errorf("%s has damaged data: %s; flightserver check lists what is damaged", t, text)
	default:
		return fmt.Errorf("%s failed: %s (%s); its log tells more", t, text, s.Code())
	}
}
