package server

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/flight-operator/flight-operator/flightserver/auth"
	"github.com/flight-operator/flight-operator/flightserver/catalog"
	"github.com/flight-operator/flight-operator/flightserver/limits"
	"github.com/flight-operator/flight-operator/flightserver/settings"
	"github.com/flight-operator/flight-operator/flightserver/wire"
)

// Errors of requests that this package itself refuses.
var (
	errBadRequest     = errors.New("bad request")
	errInvalidTicket  = errors.New("invalid ticket")
	errUnsupported    = errors.New("not supported")
	errUploadTooLarge = errors.New("the upload is too large")
	errNotOperator    = errors.New("the admin port admits the operator only")
)

// Details of a status.
const (
	errorDomain = "flight-operator"
	retryAfter  = time.Second
	// maxStatusText keeps a status within the header sizes that clients take:
	// past 8 KiB pyarrow reports any error as resource exhaustion.
	maxStatusText = 1024
)

// errorCodes lists every error a client may meet, by Flight's own codes. What
// is absent is our defect: the client reads "internal error", the log the rest.
var errorCodes = []struct {
	err    error
	code   codes.Code
	reason string // for programs, in the status's ErrorInfo
	text   string // empty: the error's own
}{
	{err: errBadRequest, code: codes.InvalidArgument, reason: "BAD_REQUEST"},
	{err: errInvalidTicket, code: codes.InvalidArgument, reason: "INVALID_TICKET", text: "Invalid ticket"},
	{err: errFlightCancelled, code: codes.FailedPrecondition, reason: "FLIGHT_CANCELLED"},
	{err: errTooManyPolls, code: codes.Unavailable, reason: "POLL_LIMIT"},
	{err: errUnsupported, code: codes.Unimplemented, reason: "NOT_SUPPORTED"},
	{err: errUploadTooLarge, code: codes.InvalidArgument, reason: "UPLOAD_LIMIT"},
	{err: errNotOperator, code: codes.PermissionDenied, reason: "NOT_OPERATOR"},

	{err: auth.ErrNoCredentials, code: codes.Unauthenticated, reason: "NO_CREDENTIALS", text: "No credentials supplied"},
	{err: auth.ErrInvalidToken, code: codes.Unauthenticated, reason: "INVALID_TOKEN", text: "Invalid token"},
	{err: auth.ErrInvalidPassword, code: codes.Unauthenticated, reason: "INVALID_PASSWORD", text: "Unknown user or invalid password"},
	{err: auth.ErrExpired, code: codes.Unauthenticated, reason: "EXPIRED", text: "The credentials have expired"},
	{err: auth.ErrRevoked, code: codes.Unauthenticated, reason: "REVOKED", text: "The credentials were revoked"},
	{err: auth.ErrTooManyFailures, code: codes.Unavailable, reason: "TOO_MANY_FAILURES"},
	{err: auth.ErrBusy, code: codes.Unavailable, reason: "BUSY"},
	// Not with its cause, which tells of the API server.
	{err: auth.ErrNoReview, code: codes.Unavailable, reason: "NO_REVIEW", text: auth.ErrNoReview.Error()},
	{err: auth.ErrForbidden, code: codes.PermissionDenied, reason: "NOT_PERMITTED"},

	{err: limits.ErrNoMemory, code: codes.Unavailable, reason: "IN_FLIGHT_LIMIT"},
	{err: limits.ErrTooManyCalls, code: codes.Unavailable, reason: "CALL_LIMIT"},
	{err: limits.ErrTooOften, code: codes.Unavailable, reason: "RATE_LIMIT"},
	{err: limits.ErrStalled, code: codes.DeadlineExceeded, reason: "STALLED"},

	{err: wire.ErrMalformed, code: codes.InvalidArgument, reason: "MALFORMED_MESSAGE"},
	{err: catalog.ErrMalformed, code: codes.InvalidArgument, reason: "MALFORMED_MESSAGE"},

	{err: catalog.ErrDatasetNotFound, code: codes.NotFound, reason: "DATASET_NOT_FOUND"},
	{err: catalog.ErrVersionNotFound, code: codes.NotFound, reason: "VERSION_NOT_FOUND"},
	{err: catalog.ErrDatasetExists, code: codes.AlreadyExists, reason: "DATASET_EXISTS"},
	{err: catalog.ErrSchemaMismatch, code: codes.InvalidArgument, reason: "SCHEMA_MISMATCH"},
	{err: catalog.ErrFormatMismatch, code: codes.InvalidArgument, reason: "FORMAT_MISMATCH"},
	{err: catalog.ErrBadName, code: codes.InvalidArgument, reason: "BAD_NAME"},
	{err: catalog.ErrBadUpload, code: codes.InvalidArgument, reason: "BAD_UPLOAD"},
	{err: catalog.ErrDeclared, code: codes.FailedPrecondition, reason: "DECLARED"},
	{err: catalog.ErrUnsupportedType, code: codes.InvalidArgument, reason: "UNSUPPORTED_TYPE"},
	{err: catalog.ErrTooLarge, code: codes.InvalidArgument, reason: "TOO_LARGE"},
	// Not RESOURCE_EXHAUSTED, which stock clients take for a bad request.
	{err: catalog.ErrNoSpace, code: codes.Unavailable, reason: settings.ReasonNoSpace},
	// Nothing is gained by trying again, so stock clients shall not.
	{err: catalog.ErrQuota, code: codes.ResourceExhausted, reason: "QUOTA_EXCEEDED"},
	{err: catalog.ErrCorrupt, code: codes.DataLoss, reason: "CORRUPT"},
	{err: catalog.ErrOutcomeUnknown, code: codes.Unavailable, reason: "OUTCOME_UNKNOWN"},
	{err: catalog.ErrClosed, code: codes.Unavailable, reason: "CLOSED"},
}

// toStatus gives the status that the client reads. The id stands in the text of
// an internal error, so that its log line can be found.
func toStatus(err error, id string) error { return toStatusAs(ownWords, err, &call{id: id}) }

// wording chooses the code and the text of an error that is listed.
type wording func(c *call, err error, code codes.Code, text string) (codes.Code, string)

func ownWords(_ *call, _ error, code codes.Code, text string) (codes.Code, string) {
	return code, text
}

func toStatusAs(words wording, err error, c *call) error {
	id := c.id
	if _, ok := status.FromError(err); ok {
		return describe(err, id) // nil, or a status already: gRPC's own, when it refuses a message
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return describe(status.FromContextError(err).Err(), id)
	}
	for _, e := range errorCodes {
		if errors.Is(err, e.err) {
			text := e.text
			if text == "" {
				text = shorten(err.Error())
			}
			return withDetails(status.New(words(c, err, e.code, text)), e.reason, id)
		}
	}
	return withDetails(status.New(codes.Internal, "internal error "+id), "INTERNAL", id)
}

// describe gives a status of gRPC's own the details that all others have. Its
// reason is that of the code.
func describe(err error, id string) error {
	s := status.Convert(err)
	if s.Code() == codes.OK || len(s.Details()) > 0 {
		return err
	}
	return withDetails(s, code.Code(s.Code()).String(), id)
}

// withDetails tells programs the reason and, for a question to whoever runs the
// server, the id by which the log has the call.
func withDetails(s *status.Status, reason, id string) error {
	details := []protoadapt.MessageV1{
		&errdetails.ErrorInfo{Reason: reason, Domain: errorDomain, Metadata: map[string]string{"id": id}},
	}
	if s.Code() == codes.Unavailable {
		details = append(details, &errdetails.RetryInfo{RetryDelay: durationpb.New(retryAfter)})
	}
	detailed, err := s.WithDetails(details...)
	if err != nil {
		return s.Err() // details are a courtesy
	}
	return detailed.Err()
}

// shorten cuts a text that quotes what a client sent, between characters.
func shorten(text string) string {
	text = strings.ToValidUTF8(text, "\uFFFD") // gRPC's messages are UTF-8
	if len(text) <= maxStatusText {
		return text
	}
	end := maxStatusText
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "…"
}

// badRequest says what is wrong with what the client sent.
func badRequest(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{errBadRequest}, args...)...)
}

// unsupported says what the client may do instead.
func unsupported(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{errUnsupported}, args...)...)
}
